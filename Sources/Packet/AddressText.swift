// SPDX-License-Identifier: Apache-2.0

// Text forms of addresses. Parsing is strict: what one program takes and another does not (leading zeros, short
// dotted forms, zone identifiers) is refused.

extension MACAddress: LosslessStringConvertible {
    /// `02:00:5e:10:00:ff`: six groups of two hexadecimal digits. Nil for anything else.
    public init?(_ text: some StringProtocol) {
        var value: UInt64 = 0
        var digits = 0
        var groups = 1
        for character in text.utf8 {
            if character == UInt8(ascii: ":") {
                guard digits == 2, groups < 6 else { return nil }
                (digits, groups) = (0, groups + 1)
            } else {
                guard digits < 2, let digit = hexadecimalDigit(character) else { return nil }
                (value, digits) = (value << 4 | digit, digits + 1)
            }
        }
        guard groups == 6, digits == 2 else { return nil }
        self.init(rawValue: value)
    }

    public init?(_ description: String) { self.init(description[...]) }

    public var description: String {
        var text = ""
        for shift in stride(from: 40, through: 0, by: -8) {
            if !text.isEmpty { text += ":" }
            let octet = UInt8(truncatingIfNeeded: rawValue >> UInt64(shift))
            if octet < 16 { text += "0" }
            text += String(octet, radix: 16)
        }
        return text
    }
}

extension IPv4Address: LosslessStringConvertible {
    /// `192.0.2.1`: four decimal numbers of 0...255 without leading zeros. Nil for anything else.
    public init?(_ text: some StringProtocol) {
        var value: UInt32 = 0
        var parts = 0
        for part in text.split(separator: ".", omittingEmptySubsequences: false) {
            guard parts < 4, let octet = decimalNumber(part, maximum: 255) else { return nil }
            (value, parts) = (value << 8 | UInt32(octet), parts + 1)
        }
        guard parts == 4 else { return nil }
        self.init(rawValue: value)
    }

    public init?(_ description: String) { self.init(description[...]) }

    public var description: String {
        "\(rawValue >> 24).\(rawValue >> 16 & 255).\(rawValue >> 8 & 255).\(rawValue & 255)"
    }
}

extension IPv6Address: LosslessStringConvertible {
    /// RFC 4291, 2.2: eight groups of up to four hexadecimal digits, `::` once for one or more groups of zeros, the last
    /// two groups possibly as an IPv4 address. Nil for anything else, zone identifiers included.
    public init?(_ text: some StringProtocol) {
        var head: [UInt16] = []
        var tail: [UInt16] = []
        var compressed = false
        var rest = Substring(text)
        if rest.hasPrefix("::") {
            compressed = true
            rest = rest.dropFirst(2)
        }
        while !rest.isEmpty {
            let end = rest.firstIndex(of: ":") ?? rest.endIndex
            let group = rest[..<end]
            var groups: [UInt16]
            if group.contains(".") {
                guard end == rest.endIndex, let v4 = IPv4Address(group) else { return nil }
                groups = [UInt16(v4.rawValue >> 16), UInt16(v4.rawValue & 0xffff)]
            } else {
                guard (1...4).contains(group.utf8.count) else { return nil }
                var value: UInt64 = 0
                for character in group.utf8 {
                    guard let digit = hexadecimalDigit(character) else { return nil }
                    value = value << 4 | digit
                }
                groups = [UInt16(value)]
            }
            if compressed { tail += groups } else { head += groups }
            guard head.count + tail.count <= 8 else { return nil }
            rest = rest[end...]
            if rest.isEmpty { break }
            if rest.hasPrefix("::") {
                guard !compressed else { return nil }
                compressed = true
                rest = rest.dropFirst(2)
            } else {
                rest = rest.dropFirst()
                guard !rest.isEmpty else { return nil }
            }
        }
        let missing = 8 - head.count - tail.count
        guard compressed ? missing >= 1 : missing == 0 else { return nil }
        let groups = head + repeatElement(0, count: missing) + tail
        self.init(high: Self.word(groups[0..<4]), low: Self.word(groups[4..<8]))
    }

    public init?(_ description: String) { self.init(description[...]) }

    private static func word(_ groups: ArraySlice<UInt16>) -> UInt64 {
        groups.reduce(0) { $0 << 16 | UInt64($1) }
    }

    /// The one form of RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`;
    /// IPv4-mapped addresses with the IPv4 address in its own form.
    public var description: String {
        if high == 0, low >> 32 == 0xffff {
            return "::ffff:\(IPv4Address(rawValue: UInt32(truncatingIfNeeded: low)))"
        }
        let groups = (0..<8).map { index in
            UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - 16 * (index & 3)))
        }
        var run = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start >= 2, end - start > run.count { run = start..<end }
            start = max(end, start + 1)
        }
        func text(_ range: Range<Int>) -> String {
            range.map { String(groups[$0], radix: 16) }.joined(separator: ":")
        }
        return run.isEmpty ? text(0..<8) : text(0..<run.lowerBound) + "::" + text(run.upperBound..<8)
    }
}

extension IPAddress: LosslessStringConvertible {
    /// Of either family; an IPv6 address has a colon.
    public init?(_ text: some StringProtocol) {
        if text.contains(":") {
            guard let v6 = IPv6Address(text) else { return nil }
            self = .v6(v6)
        } else {
            guard let v4 = IPv4Address(text) else { return nil }
            self = .v4(v4)
        }
    }

    public init?(_ description: String) { self.init(description[...]) }

    public var description: String {
        switch self {
        case .v4(let v4): v4.description
        case .v6(let v6): v6.description
        }
    }
}

extension IPPrefix: LosslessStringConvertible {
    /// `192.0.2.0/24`, `2001:db8::/32`, or an address alone for that address. Nil when bits behind the prefix are set: a
    /// prefix has one name.
    public init?(_ text: some StringProtocol) {
        guard let slash = text.firstIndex(of: "/") else {
            guard let address = IPAddress(text) else { return nil }
            self.init(host: address)
            return
        }
        guard let address = IPAddress(text[..<slash]),
            let length = decimalNumber(text[text.index(after: slash)...], maximum: 128)
        else { return nil }
        self.init(address, length: length)
        guard self.address == address else { return nil }
    }

    public init?(_ description: String) { self.init(description[...]) }

    public var description: String { "\(address)/\(length)" }
}

private func hexadecimalDigit(_ character: UInt8) -> UInt64? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(character - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(character - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(character - UInt8(ascii: "A") + 10)
    default: nil
    }
}

private func decimalNumber(_ text: some StringProtocol, maximum: Int) -> Int? {
    let digits = text.utf8
    guard (1...3).contains(digits.count), digits.count == 1 || digits.first != UInt8(ascii: "0") else { return nil }
    var value = 0
    for digit in digits {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
        value = value * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return value <= maximum ? value : nil
}
