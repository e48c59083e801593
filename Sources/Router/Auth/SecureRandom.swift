/// Randomness for secrets: the kernel's generator.
public enum SecureRandom {
  public static func bytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  /// Never 0.
  public static func nonzero() -> UInt64 {
    var generator = SystemRandomNumberGenerator()
    return UInt64.random(in: 1 ... .max, using: &generator)
  }
}
