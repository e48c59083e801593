internal import HTTP

/// What we say about a refusal, in plain words: what happened, and what the reader can do.
///
/// The reader is usually somebody who opened a link, and may or may not be the one whose app it is. Nobody is blamed,
/// and nothing is said that the refusal's word does not already say: `route/not-found` must not tell an unknown sandbox
/// from a port that isn't published.
struct RefusalText {
  let title: String
  /// What happened, one or two sentences.
  private let what: String
  /// What the visitor can do; empty where there is nothing.
  let visitor: String
  /// What the owner of the app can do; empty where there is nothing.
  let owner: String

  /// `{port}` in a text is the port, where it is known.
  func detail(_ context: PageContext) -> String { filled(what, context) }
  func ownerAdvice(_ context: PageContext) -> String { filled(owner, context) }

  private func filled(_ text: String, _ context: PageContext) -> String {
    guard let start = text.firstRange(of: "{port}") else { return text }
    return text[..<start.lowerBound] + (context.port.map { "port \($0)" } ?? "this port") + text[start.upperBound...]
  }

  private init(_ title: String, _ what: String, visitor: String = "", owner: String = "") {
    self.title = title
    self.what = what
    self.visitor = visitor
    self.owner = owner
  }

  init(_ refusal: Refusal) {
    switch refusal {
    case .malformed, .conflictingFraming, .badHost, .badTarget, .badHeader, .unsupportedVersion, .unsupportedCoding,
      .timeout, .bodyTooLarge, .uriTooLong, .headTooLarge, .methodNotAllowed, .expectationFailed, .plainHTTPOnTLS:
      self = RefusalText.request(refusal)
    case .notFound, .misdirected, .unauthenticated, .forbidden: self = RefusalText.access(refusal)
    case .starting, .paused, .terminated, .tooManyRequests, .overloaded, .draining: self = RefusalText.waiting(refusal)
    case .portClosed, .dialFailed, .dialTimeout, .upstreamMalformed, .upstreamClosed, .upstreamReset, .upstreamTimeout,
      .upstreamTLS, .upstreamHeadTooLarge, .internalError:
      self = RefusalText.app(refusal)
    }
  }

  /// The message itself is at fault: mostly read by people who write clients.
  private static func request(_ refusal: Refusal) -> RefusalText {
    switch refusal {
    case .malformed:
      RefusalText(
        "That request couldn’t be read", "The request doesn’t follow the rules of HTTP, so it was not passed on.",
        visitor: "If you typed or pasted the address, check it. If a program sent the request, check how it writes it.")
    case .conflictingFraming:
      RefusalText(
        "That request is ambiguous",
        "The request says in two different ways where its body ends. Two servers could read it as two different "
          + "requests, so it was not passed on.",
        visitor: "Send Content-Length or Transfer-Encoding, once, and not both.")
    case .badHost:
      RefusalText(
        "That address isn’t complete", "The request names no valid host, or more than one.",
        visitor: "Send exactly one Host header with the name from the address.")
    case .badTarget:
      RefusalText(
        "That address can’t be used", "The path of the request contains something that isn’t allowed in an address.",
        visitor: "Check the address. Spaces and special characters need percent-encoding.")
    case .badHeader:
      RefusalText(
        "That request has a broken header", "A header of the request contains something that isn’t allowed there.",
        visitor:
          "In a browser, clearing the cookies of this site often helps. In a program, check the headers it sends.")
    case .unsupportedVersion:
      RefusalText(
        "That version of HTTP isn’t supported", "The request asks for a version of HTTP that isn’t spoken here.",
        visitor: "Use HTTP/1.1 or HTTP/2.")
    case .unsupportedCoding:
      RefusalText(
        "That transfer coding isn’t supported", "The request’s body is encoded in a way that isn’t understood here.",
        visitor: "Use “chunked”, or send a Content-Length.")
    case .timeout:
      RefusalText(
        "That took too long", "The request didn’t arrive completely in time.",
        visitor: "Please try again. A slow or interrupted connection is the usual reason.")
    case .bodyTooLarge:
      RefusalText(
        "That’s too large", "The request’s body is larger than what is accepted here.",
        visitor: "Send less at a time.", owner: "The limit is set in Porthole’s configuration.")
    case .uriTooLong:
      RefusalText(
        "That address is too long", "The address is longer than what is accepted here.",
        visitor: "If you followed a link that keeps growing, go back to where you started.")
    case .headTooLarge:
      RefusalText(
        "That request has too many headers",
        "The headers of the request, cookies included, are larger than accepted here.",
        visitor: "Clearing the cookies of this site usually helps.")
    case .methodNotAllowed:
      RefusalText("That method isn’t supported", "Requests of this kind are not passed on.")
    case .expectationFailed:
      RefusalText(
        "That expectation can’t be met", "The request expects something that isn’t supported here.",
        visitor: "“100-continue” is the only expectation there is.")
    default:
      RefusalText(
        "This port speaks HTTPS", "The request came without encryption to a port that needs it.",
        visitor: "Use https:// instead of http:// in the address.")
    }
  }

  private static func access(_ refusal: Refusal) -> RefusalText {
    switch refusal {
    case .notFound:
      RefusalText(
        "Nothing here",
        "There is no preview at this address. It may have a typo, or what was here is no longer shared.",
        visitor: "Check the address, or ask whoever gave it to you for a new one.",
        owner: "Check the sandbox’s id and that the port is exposed.")
    case .misdirected:
      RefusalText(
        "Wrong door", "The request arrived on a connection that was made for another host.",
        visitor: "Reload the page. If that doesn’t help, close the browser’s window and open the address again.")
    case .unauthenticated:
      RefusalText(
        "This preview is private", "To see it you need a valid link, and this one has none or it has expired.",
        visitor: "Ask whoever shared it with you for a new link.",
        owner: "Open the preview from your dashboard, or make a new link.")
    default:
      RefusalText(
        "You can’t see this", "You are known here, but this isn’t for you: the link doesn’t cover it.",
        visitor: "Ask whoever shared it with you.",
        owner: "Check the exposure’s allowed addresses, methods, paths and embedding origins.")
    }
  }

  private static func waiting(_ refusal: Refusal) -> RefusalText {
    switch refusal {
    case .starting:
      RefusalText(
        "Starting up", "The sandbox behind this preview is waking up. That usually takes a few seconds.",
        visitor: "You don’t need to do anything.")
    case .paused:
      RefusalText(
        "Taking a break", "The sandbox behind this preview is paused. Nothing is lost.",
        visitor: "Ask its owner to resume it, then reload this page.",
        owner: "Resume the sandbox, or let requests wake it by exposing the port with wake on.")
    case .terminated:
      RefusalText(
        "This preview has ended", "The sandbox that was here has been removed and won’t come back at this address.",
        visitor: "Ask whoever gave you the address for a new one.")
    case .tooManyRequests:
      RefusalText(
        "A little slower, please", "There were too many requests from you in a short time.",
        visitor: "Wait a moment, then try again.")
    case .overloaded:
      RefusalText(
        "Busy right now", "There is more to do here than can be done at this moment. Your request was not passed on.",
        visitor: "Please try again in a moment.")
    default:
      RefusalText(
        "Just a moment", "This server is being restarted and takes no new requests. Yours was not passed on.",
        visitor: "Please try again in a moment.")
    }
  }

  private static func app(_ refusal: Refusal) -> RefusalText {
    switch refusal {
    case .portClosed:
      RefusalText(
        "Nothing is listening yet", "The sandbox is running, but no app answers on {port}.",
        visitor: "If the app was just started, give it a moment.",
        owner: "Start your app and make sure that it listens on {port}.")
    case .dialFailed:
      RefusalText(
        "The sandbox can’t be reached", "This preview exists, but its sandbox could not be reached.",
        visitor: "Please try again in a moment.", owner: "Check that the sandbox is running and reachable.")
    case .dialTimeout:
      RefusalText(
        "The sandbox doesn’t respond", "This preview exists, but its sandbox did not respond in time.",
        visitor: "Please try again in a moment.", owner: "Check whether the sandbox is overloaded.")
    case .upstreamMalformed:
      RefusalText(
        "The app’s answer couldn’t be read", "The app did answer, but what it sent doesn’t follow the rules of HTTP.",
        owner: "Check that what listens on {port} speaks HTTP, and the headers that it sends.")
    case .upstreamClosed:
      RefusalText(
        "The app hung up", "The app closed the connection before its answer was complete.",
        visitor: "Please try again.", owner: "The app may have crashed or restarted: have a look at its log.")
    case .upstreamReset:
      RefusalText(
        "The app broke off", "The app broke the connection off before its answer was complete.",
        visitor: "Please try again.", owner: "The app may have crashed: have a look at its log.")
    case .upstreamTimeout:
      RefusalText(
        "The app is taking too long", "The app took the request but did not answer in time.",
        visitor: "Please try again in a moment.", owner: "See what the app is waiting for, or raise the time limit.")
    case .upstreamTLS:
      RefusalText(
        "No secure connection to the app", "The encrypted connection to the app could not be set up.",
        owner: "Check that what listens on {port} speaks TLS, and its certificate.")
    case .upstreamHeadTooLarge:
      RefusalText(
        "The app’s answer has too many headers", "The headers of the app’s answer, cookies included, are too large.",
        owner: "Set fewer or smaller cookies and headers.")
    default:
      RefusalText(
        "That’s on us", "Something went wrong inside Porthole. It isn’t your fault, nor the app’s.",
        visitor: "Please try again. If it stays like this, report the request id below.")
    }
  }
}
