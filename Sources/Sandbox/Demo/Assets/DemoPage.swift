/// The page, in four files as the browser asks for them. Nothing comes from elsewhere.
enum DemoPage {
  static let html = """
    <!doctype html>
    <html lang="en">
    <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>Porthole demo</title>
      <link rel="icon" href="/icon.svg" type="image/svg+xml">
      <link rel="stylesheet" href="/style.css">
      <script src="/app.js" defer></script>
    </head>
    <body>
      <header>
        <img src="/icon.svg" alt="" width="56" height="56">
        <div>
          <h1>It works.</h1>
          <p>This page comes from a server on a private port. Porthole brought you to it by the host name
            <code id="host">&nbsp;</code></p>
        </div>
      </header>
      <main>
        <section aria-labelledby="clock-title">
          <h2 id="clock-title">Clock <small>server-sent events</small> <span class="lamp" id="clock-lamp"></span></h2>
          <p class="big" id="clock-time" aria-live="off">–</p>
          <p class="quiet">The application has been up for <span id="clock-up">–</span>.</p>
        </section>
        <section aria-labelledby="echo-title">
          <h2 id="echo-title">Echo <small>WebSocket</small> <span class="lamp" id="echo-lamp"></span></h2>
          <p class="big"><span id="echo-ms">–</span> <small>ms</small></p>
          <p class="quiet">There and back: best <span id="echo-best">–</span> ms of <span id="echo-count">0</span>.</p>
          <svg id="echo-line" viewBox="0 0 300 48" preserveAspectRatio="none" aria-hidden="true"><polyline points=""/></svg>
        </section>
        <section aria-labelledby="chat-title" class="tall">
          <h2 id="chat-title">Chat <small>WebSocket</small> <span class="lamp" id="chat-lamp"></span></h2>
          <p class="quiet"><span id="chat-here">Nobody</span> here. Open this page in a second tab.</p>
          <ol id="chat-log" aria-live="polite"></ol>
          <form id="chat-form">
            <input id="chat-text" maxlength="2000" autocomplete="off" placeholder="Say something" aria-label="Message">
            <button>Send</button>
          </form>
        </section>
        <section aria-labelledby="upload-title" class="broad">
          <h2 id="upload-title">Upload <small>streamed, any size</small></h2>
          <form id="upload-form">
            <label class="file">Choose a file<input id="upload-file" type="file"></label>
            <button type="button" id="upload-random">Send 8 MiB of noise</button>
          </form>
          <progress id="upload-bar" max="1" value="0" aria-label="Upload progress"></progress>
          <p class="quiet" id="upload-text">The application counts the bytes and answers with their SHA-256.</p>
        </section>
        <section aria-labelledby="headers-title" class="wide">
          <h2 id="headers-title">Headers <small>as the application sees them</small></h2>
          <table><tbody id="headers-rows"></tbody></table>
        </section>
      </main>
      <footer>Served by <code>porthole demo</code>. Nothing on this page comes from anywhere else.</footer>
    </body>
    </html>

    """

  static let icon = """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">
      <circle cx="32" cy="32" r="30" fill="#20566f"/><circle cx="32" cy="32" r="21" fill="#9bd7ea"/>
      <path d="M11 36c5-4 9-4 14 0s9 4 14 0 9-4 14 0v1a21 21 0 0 1-42 0z" fill="#2f86a8"/>
      <g fill="#d9e6ea"><circle cx="32" cy="6.5" r="2.5"/><circle cx="32" cy="57.5" r="2.5"/><circle cx="6.5" cy="32" r="2.5"/><circle cx="57.5" cy="32" r="2.5"/></g>
    </svg>

    """
}
