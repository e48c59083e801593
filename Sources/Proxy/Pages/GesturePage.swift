/// The page that a single-use link shows first. Programs that look at links in mails and chats fetch it and don't press
/// its button, so they don't use the link up.
extension Pages {
  public static func gesture(grant: String, next: String) -> String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="robots" content="noindex">
    <title>Open this preview</title>
    <style>\(PageAssets.style)</style>
    </head>
    <body>
    <main>
    <div class="port" aria-hidden="true"><i></i></div>
    <h1>Open this preview</h1>
    <p>This link works once. Press the button when you are ready to use it.</p>
    <form method="post" action="/.porthole/auth">
    <input type="hidden" name="grant" value="\(HTMLPage.escaped(grant))">
    <input type="hidden" name="next" value="\(HTMLPage.escaped(next))">
    <button type="submit">Continue</button>
    </form>
    </main>
    </body>
    </html>

    """
  }

  /// Nothing is loaded, and the form goes nowhere but here. The grant stays out of referrers and caches.
  public static let gestureHeaders: [(name: StaticString, value: StaticString)] = [
    ("content-type", "text/html; charset=utf-8"), ("cache-control", "no-store"), ("x-content-type-options", "nosniff"),
    (
      "content-security-policy",
      """
      default-src 'none'; style-src 'sha256-H454STYGtWf1iFVhzmR+X+4k/Vpgn0nmUlXaDfmFp/o='; base-uri 'none'; \
      form-action 'self'
      """
    ), ("referrer-policy", "no-referrer"),
  ]
}
