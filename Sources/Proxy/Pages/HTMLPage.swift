internal import HTTP

/// The page for people. One file, no external assets, good on a phone and in the dark.
enum HTMLPage {
  static func text(_ refusal: Refusal, _ context: PageContext) -> String {
    let words = RefusalText(refusal)
    let follows = context.follows && Pages.mayFollow(refusal)
    var html = """
      <!doctype html>
      <html lang="en" data-error="\(refusal.word)"\(follows ? #" data-follow="\#(followSeconds(context))""# : "")>
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="robots" content="noindex">
      \(follows ? refresh(context) : "")<title>\(escaped(words.title))</title>
      <style>\(PageAssets.style)</style>
      </head>
      <body>
      <main>
      <div class="port\(follows ? " busy" : "")" aria-hidden="true"><i></i></div>
      <h1>\(escaped(words.title))</h1>
      <p>\(escaped(words.detail(context)))</p>

      """
    if !words.visitor.isEmpty { html += "<p>\(escaped(words.visitor))</p>\n" }
    if follows { html += #"<p class="follow" role="status">This page tries again by itself.</p>"# + "\n" }
    if !words.owner.isEmpty { html += "<aside><b>Is this yours?</b> \(escaped(words.ownerAdvice(context)))</aside>\n" }
    html += "</main>\n<footer>\n"
    if !context.host.isEmpty { html += "<span><bdi>\(escaped(shortened(context.host)))</bdi></span>\n" }
    html += "<span>\(refusal.status) <code>\(refusal.word)</code></span>\n"
    if !context.requestID.isEmpty {
      html += "<span>request <code>\(escaped(shortened(context.requestID)))</code></span>\n"
    }
    html += "</footer>\n"
    if follows { html += "<script>\(PageAssets.script)</script>\n" }
    return html + "</body>\n</html>\n"
  }

  /// Without scripts the page reloads at a fixed pace. With them it looks first and reloads only when something has
  /// changed, so that it neither flickers nor loses a reader's place; the slow refresh behind is for a script that was
  /// blocked or got stuck. Where both are present, the first one counts (HTML §4.2.5.3).
  private static func refresh(_ context: PageContext) -> String {
    """
    <noscript><meta http-equiv="refresh" content="\(followSeconds(context) + 1)"></noscript>
    <meta http-equiv="refresh" content="60">

    """
  }

  /// At most ten: `Retry-After` is for programs, somebody who watches would rather know soon.
  private static func followSeconds(_ context: PageContext) -> Int { min(max(context.retryAfterSeconds ?? 1, 1), 10) }

  /// Enough for any real host or id; a longer one is somebody playing.
  private static func shortened(_ text: String) -> String { text.count > 256 ? text.prefix(256) + "…" : text }

  /// For text between tags and in double-quoted attributes.
  static func escaped(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "'": out += "&#39;"
      case "\u{00}"..."\u{1F}", "\u{7F}"..."\u{9F}": out += "\u{FFFD}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }
}
