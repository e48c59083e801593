/// How to make browsers and tools believe the development authority. Shown, never done: trust is the user's to give.
public enum TrustAdvice {
  public static func text(authorityPath: String) -> String {
    """
    Trust the authority once, whichever of these you use:
      curl             curl --cacert \(authorityPath) https://…
      Debian, Ubuntu   sudo cp \(authorityPath) /usr/local/share/ca-certificates/porthole-dev.crt
                       sudo update-ca-certificates
      Chrome on Linux  mkdir -p ~/.pki/nssdb    (certutil is in the package libnss3-tools)
                       certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n porthole-dev -i \(authorityPath)
      Firefox          Settings > Privacy & Security > View Certificates > Authorities > Import,
                       or certutil -A -t C,, -n porthole-dev -i \(authorityPath) -d sql:<profile folder>
      macOS            sudo security add-trusted-cert -d -r trustRoot \\
                         -k /Library/Keychains/System.keychain \(authorityPath)
    It can vouch for these domains and this machine only. To take the trust back, remove it there and delete the folder.
    """
  }
}
