import Glibc

/// Calendar days in UTC.
public enum Day {
  public static var nowSec: Int { time(nil) }

  /// `2027-01-31`. The proleptic Gregorian calendar, in years that begin in March so that leap days come last.
  public static func text(_ seconds: Int) -> String {
    let daysPerEra = 146_097  // 400 years.
    let day = Int((Double(seconds) / 86_400).rounded(.down)) + 719_468  // From 0000-03-01 to 1970-01-01.
    let era = (day >= 0 ? day : day - daysPerEra + 1) / daysPerEra
    let dayOfEra = day - era * daysPerEra
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(year)-\(padded(month))-\(padded(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1))"
  }
}
