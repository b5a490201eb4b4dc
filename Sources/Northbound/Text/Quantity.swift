// SPDX-License-Identifier: Apache-2.0

/// Numbers as people read them.
public enum Quantity {
    /// Three significant digits and a decimal multiple: `999`, `1.23k`, `45.6M`.
    public static func short(_ value: Double) -> String {
        guard value >= 999.5 else { return fixed(value, digits: 0) }
        var scaled = value
        var suffix = ""
        for next in ["k", "M", "G", "T", "P", "E"] where scaled >= 999.5 {
            scaled /= 1000
            suffix = next
        }
        return fixed(scaled, digits: scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0) + suffix
    }

    public static func short(_ value: UInt64) -> String { short(Double(value)) }

    /// `61.2%`; `-` when there is nothing to take a share of.
    public static func percent(_ part: UInt64, of whole: UInt64) -> String {
        whole == 0 ? "-" : fixed(Double(part) * 100 / Double(whole), digits: 1) + "%"
    }

    /// The two largest units that matter: `250ms`, `12s`, `3m05s`, `2h10m`, `3d04h`.
    public static func duration(milliseconds: UInt64) -> String {
        let seconds = milliseconds / 1000
        func two(_ value: UInt64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return switch seconds {
        case 0: milliseconds == 0 ? "0s" : "\(milliseconds)ms"
        case ..<60: "\(seconds)s"
        case ..<3600: "\(seconds / 60)m\(two(seconds % 60))s"
        case ..<86400: "\(seconds / 3600)h\(two(seconds / 60 % 60))m"
        default: "\(seconds / 86400)d\(two(seconds / 3600 % 24))h"
        }
    }

    /// `2026-05-01T12:00:00Z` of seconds since 1970.
    public static func time(_ seconds: UInt64) -> String {
        // Days since 0000-03-01: years of that calendar end with the leap day (Hinnant, "chrono-compatible low-level date
        // algorithms").
        let days = seconds / 86400 + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let year = era * 400 + yearOfEra + (month >= 10 ? 1 : 0)
        func two(_ value: UInt64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(year)-\(two(month < 10 ? month + 3 : month - 9))-\(two(day))T\(two(seconds / 3600 % 24)):"
            + "\(two(seconds / 60 % 60)):\(two(seconds % 60))Z"
    }

    /// A number with this many digits behind the point, rounded half up; values that fit 64 bits.
    public static func fixed(_ value: Double, digits: Int) -> String {
        guard value.isFinite, value.magnitude < 1e15 else { return "\(value)" }
        var scale: Int64 = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int64((value.magnitude * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(scaled)" }
        let fraction = String(scaled % scale)
        return "\(sign)\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}

/// Two hexadecimal digits.
func hex2(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return byte < 16 ? "0" + digits : digits
}
