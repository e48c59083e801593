extension DemoPage {
  static let style = """
    :root {
      --paper: #f4f7f8; --card: #fff; --ink: #16252c; --quiet: #566871; --line: #dbe4e8; --accent: #1b6d8c; --on-accent: #fff;
      --good: #2d8a4e; --bad: #b3452f;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --paper: #0e171b; --card: #16232a; --ink: #e3edf1; --quiet: #93a7b0; --line: #26373f; --accent: #6cc3e0; --on-accent: #08202a;
        --good: #63c787; --bad: #ef8a74;
      }
    }
    * { box-sizing: border-box; }
    body { margin: 0 auto; max-width: 68rem; padding: clamp(1rem, 4vw, 2.5rem); background: var(--paper); color: var(--ink);
      font: 1rem/1.5 system-ui, sans-serif; }
    header { display: flex; gap: 1.25rem; align-items: center; margin-bottom: 1.75rem; }
    header img { flex: none; }
    h1 { margin: 0; font-size: clamp(1.6rem, 5vw, 2.2rem); line-height: 1.2; }
    header p { margin: .25rem 0 0; color: var(--quiet); max-width: 46rem; }
    code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere; color: var(--accent); }
    main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); }
    section { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 1rem 1.15rem; min-width: 0; }
    .wide { grid-column: 1 / -1; }
    @media (min-width: 62rem) {
      main { grid-template-columns: repeat(3, minmax(0, 1fr)); }
      .tall { grid-row: span 2; }
      .broad { grid-column: span 2; }
    }
    h2 { margin: 0 0 .5rem; font-size: 1.05rem; }
    h2 small, .big small { color: var(--quiet); font-weight: 400; font-size: .8rem; }
    .big { margin: 0; font-size: 2.1rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
    .quiet { color: var(--quiet); margin: .25rem 0; font-size: .92rem; overflow-wrap: anywhere; }
    .lamp { display: inline-block; width: .6rem; height: .6rem; border-radius: 50%; background: var(--bad); float: right; margin-top: .45rem; }
    .lamp.on { background: var(--good); }
    #echo-line { width: 100%; height: 48px; display: block; margin-top: .5rem; }
    #echo-line polyline { fill: none; stroke: var(--accent); stroke-width: 2; vector-effect: non-scaling-stroke; }
    #chat-log { list-style: none; margin: .5rem 0; padding: 0; height: 11rem; overflow-y: auto; }
    #chat-log li { padding: .15rem 0; overflow-wrap: anywhere; }
    #chat-log b { color: var(--accent); font-weight: 600; }
    form { display: flex; flex-wrap: wrap; gap: .5rem; }
    input:not([type=file]) { flex: 1 1 9rem; min-width: 0; }
    input, button, .file { font: inherit; padding: .5rem .8rem; border-radius: 9px; border: 1px solid var(--line);
      background: var(--paper); color: var(--ink); }
    button, .file { cursor: pointer; }
    #chat-form button { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
    .file input { position: absolute; opacity: 0; width: 1px; height: 1px; }
    :focus-visible, .file:focus-within { outline: 2px solid var(--accent); outline-offset: 2px; }
    progress { width: 100%; height: .6rem; margin: .8rem 0 .25rem; accent-color: var(--accent); }
    table { border-collapse: collapse; table-layout: fixed; width: 100%; font: .85rem/1.5 ui-monospace, monospace; }
    th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-top: 1px solid var(--line); }
    th { color: var(--accent); font-weight: 500; width: 32%; overflow-wrap: anywhere; }
    td { overflow-wrap: anywhere; }
    footer { margin-top: 1.5rem; color: var(--quiet); font-size: .85rem; }

    """
}
