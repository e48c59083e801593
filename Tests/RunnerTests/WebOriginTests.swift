import Sandbox
import Testing

@Suite struct WebOriginTests {
  @Test(arguments: [
    ("https://app.example.com", "https://app.example.com"),
    ("HTTPS://App.Example.COM", "https://app.example.com"),
    ("https://app.example.com:443", "https://app.example.com"),
    ("https://app.example.com:8443", "https://app.example.com:8443"),
    ("http://localhost:3000", "http://localhost:3000"),
    ("http://127.0.0.1:80", "http://127.0.0.1"),
    ("https://127.0.0.1:80", "https://127.0.0.1:80"),
    ("http://[::1]:3000", "http://[::1]:3000"),
    ("https://app.example.com.", "https://app.example.com"),
    ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
  ]) func anOriginBecomesWhatBrowsersSend(_ text: String, expected: String) {
    #expect(WebOrigin.normalized(text) == expected)
  }

  @Test(arguments: [
    "", "*", "null", "app.example.com", "https://", "https://*.example.com", "https://app.example.com/",
    "https://app.example.com/path", "https://user@app.example.com", "https://app.example.com?x", "https://a b.test",
    "://app.example.com", "1https://app.example.com", "https://app.example.com:0", "https://app.example.com:99999",
    "https://[::1", "https://\r\nx", "https://" + String(repeating: "a.", count: 200) + "test",
  ]) func whatIsNoOriginIsRefused(_ text: String) {
    #expect(WebOrigin.normalized(text) == nil)
  }
}
