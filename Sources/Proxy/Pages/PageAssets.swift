/// The style and the script of `HTMLPage`, byte for byte: their hashes are in `Pages.contentSecurityPolicy`, and a test
/// says what to write there when they change.
enum PageAssets {
  static let style = """
    :root{--sea:#0b7a8f;--ink:#16242b;--soft:#5a6b73;--line:#d9e2e5;--paper:#f5f8f9;--card:#fff}
    @media(prefers-color-scheme:dark){:root{--sea:#4cc3d9;--ink:#e6eef1;--soft:#93a5ad;--line:#2a3a42;--paper:#0f181c;--card:#162127}}
    *{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%}
    body{margin:0;min-height:100vh;min-height:100dvh;padding:24px 16px;display:flex;flex-direction:column;align-items:center;justify-content:center;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
    main{width:100%;max-width:30rem;padding:32px 28px;background:var(--card);border:1px solid var(--line);border-radius:18px}
    .port{position:relative;width:64px;height:64px;margin:0 0 22px;border:5px solid var(--sea);border-radius:50%;overflow:hidden}
    .port i{position:absolute;left:-45%;top:52%;width:190%;height:190%;border-radius:44%;background:var(--sea);opacity:.55}
    .busy i{animation:swell 5s linear infinite}
    @keyframes swell{to{transform:rotate(1turn)}}
    @media(prefers-reduced-motion:reduce){.busy i{animation:none}}
    h1{margin:0 0 10px;font-size:1.55rem;line-height:1.25;letter-spacing:-.01em;text-wrap:balance}
    p{margin:0 0 10px}
    .follow{color:var(--sea);font-weight:600}
    aside{margin:20px 0 0;padding:16px 0 0;border-top:1px solid var(--line);color:var(--soft);font-size:.93rem}
    aside b{color:var(--ink)}
    footer{width:100%;max-width:30rem;padding:16px 28px 0;display:flex;flex-wrap:wrap;gap:2px 16px;color:var(--soft);font-size:.8rem}
    footer span{overflow-wrap:anywhere}
    button{margin:12px 0 0;padding:10px 22px;border:0;border-radius:10px;background:var(--sea);color:var(--card);font:inherit;font-weight:600;cursor:pointer}
    button:focus-visible{outline:3px solid var(--ink);outline-offset:2px}
    code{font:inherit;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.95em}
    """

  /// Asks for the head of this page until the answer is no longer the one that is shown, then reloads. Whatever comes
  /// then, the app or another error, is shown by the browser as usual. It asks less often over time, and not at all
  /// while nobody looks.
  static let script = """
    (function(){
    var root=document.documentElement,shown=root.dataset.error,wait=1000*root.dataset.follow,timer;
    function later(){clearTimeout(timer);timer=setTimeout(look,wait);wait=Math.min(wait*1.4,15000)}
    function look(){
    if(document.hidden)return;
    fetch(location.href,{method:"HEAD",cache:"no-store",redirect:"manual"}).then(function(answer){
    if(answer.headers.get("porthole-error")===shown)later();else location.reload()
    },later)
    }
    document.addEventListener("visibilitychange",function(){if(!document.hidden){wait=1000;later()}});
    later()
    })()
    """
}
