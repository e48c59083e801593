import HTTP
import Testing

@testable import Pages

@Suite struct NegotiationTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var method = Method.get
    var accept: String?
    var mode: String?
    var dest: String?
    var hasUpgrade = false
    let page: Bool
    let why: String
    var testDescription: String { why }
  }

  static let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

  static let table: [Case] = [
    Case(accept: browser, mode: "navigate", dest: "document", page: true, why: "an address that was typed"),
    Case(accept: browser, mode: "navigate", dest: "iframe", page: true, why: "a preview inside an IDE"),
    Case(accept: "*/*", mode: "navigate", dest: "document", page: true, why: "the mode decides, not Accept"),
    Case(mode: "navigate", page: true, why: "no destination said"),
    Case(
      method: .head, accept: browser, mode: "navigate", dest: "document", page: true, why: "HEAD is told what GET gets"),
    Case(accept: browser, mode: "cors", dest: "empty", page: false, why: "fetch() that asks for HTML"),
    Case(accept: browser, mode: "same-origin", dest: "empty", page: false, why: "fetch() from the page itself"),
    Case(accept: "image/*,*/*", mode: "no-cors", dest: "image", page: false, why: "an image"),
    Case(accept: "*/*", mode: "no-cors", dest: "script", page: false, why: "a script"),
    Case(mode: "websocket", dest: "websocket", hasUpgrade: true, page: false, why: "a WebSocket"),
    Case(
      accept: browser, mode: "navigate", dest: "document", hasUpgrade: true, page: false, why: "an upgrade is no page"),
    Case(accept: browser, mode: "navigate", dest: "empty", page: false, why: "a navigation to nothing that shows"),
    Case(accept: browser, dest: "document", page: true, why: "only a destination said"),
    Case(accept: browser, dest: "image", page: false, why: "only a destination said, and it is no page"),
    Case(accept: browser, mode: "Navigate", dest: "document", page: false, why: "tokens are case-sensitive"),
    Case(
      method: .post, accept: browser, mode: "navigate", dest: "document", page: false, why: "a form: don't reload it"),
    Case(method: .options, accept: browser, page: false, why: "a preflight"),
    Case(method: .other, accept: browser, page: false, why: "an unknown method"),
    Case(accept: browser, page: true, why: "a browser without Fetch Metadata"),
    Case(accept: " TEXT/HTML ", page: true, why: "types have no case"),
    Case(accept: "application/json, text/html;q=0.1", page: true, why: "HTML, if need be"),
    Case(accept: "text/html;q=0", page: false, why: "anything but HTML"),
    Case(accept: "text/html; q=0.000, */*", page: false, why: "anything but HTML, at length"),
    Case(accept: "text/html;level=1;q=0.5", page: true, why: "other parameters do not matter"),
    Case(accept: "*/*", page: false, why: "curl"),
    Case(accept: "text/*", page: false, why: "text, but nobody said HTML"),
    Case(accept: "text/htmlx, xtext/html", page: false, why: "only look alike"),
    Case(accept: "application/json", page: false, why: "an API client"),
    Case(accept: "text/event-stream", page: false, why: "an event stream"),
    Case(accept: ",;,", page: false, why: "rubbish"),
    Case(accept: "", page: false, why: "an empty Accept"),
    Case(page: false, why: "no Accept at all"),
  ]

  @Test(arguments: table)
  func browsersThatNavigateGetPages(one: Case) {
    let wants = withBytes(one.accept) { accept in
      withBytes(one.mode) { mode in
        withBytes(one.dest) { dest in
          Pages.wantsPage(
            method: one.method, accept: accept, secFetchMode: mode, secFetchDest: dest, hasUpgrade: one.hasUpgrade)
        }
      }
    }
    #expect(wants == one.page, "\(one.why)")
  }

  private func withBytes<R>(_ text: String?, _ body: (UnsafeBufferPointer<UInt8>?) -> R) -> R {
    guard let text else { return body(nil) }
    return Array(text.utf8).withUnsafeBufferPointer { body($0) }
  }
}
