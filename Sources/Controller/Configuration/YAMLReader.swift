// SPDX-License-Identifier: Apache-2.0
import Packet
import Yams

/// Collects what is wrong while a file is read; reading goes on with a default, so that one run names everything.
final class Complaints {
    let file: String
    private(set) var list: [ConfigurationError.Complaint] = []

    init(file: String) { self.file = file }

    func add(_ location: SourceLocation, _ message: String) {
        list.append(.init(file: file, location: location, message: message))
    }
}

extension Node {
    var location: SourceLocation {
        mark.map { SourceLocation(line: $0.line, column: $0.column) } ?? SourceLocation(line: 1, column: 1)
    }

    /// `key:` with nothing behind it, `~` or `null`.
    var isAbsent: Bool {
        guard case .scalar(let scalar) = self, scalar.style == .plain || scalar.style == .any else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    /// What stands here, for a complaint.
    var kind: String {
        switch self {
        case .scalar(let scalar): "\"\(scalar.string)\""
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }
}

/// One mapping of the file: checks its keys against those that are known, and reads values with complaints.
struct YAMLMapping {
    let complaints: Complaints
    let location: SourceLocation
    /// For complaints: `a port`, `a route`.
    let what: String
    private let values: [String: Node]

    /// Nil, with a complaint, if the node is not a mapping.
    init?(_ node: Node, what: String, keys: [String], complaints: Complaints) {
        (self.complaints, self.what, location) = (complaints, what, node.location)
        guard case .mapping(let mapping) = node else {
            complaints.add(
                node.location, "\(what) cannot be \(node.kind); expected \(Self.list(keys.map { "\($0):" }))")
            return nil
        }
        var values: [String: Node] = [:]
        for (key, value) in mapping {
            guard let name = key.scalar?.string else {
                complaints.add(key.location, "a key of \(what) cannot be \(key.kind); expected a name")
                continue
            }
            guard keys.contains(name) else {
                let hint =
                    nearest(to: name, in: keys).map { "did you mean \"\($0)\"?" } ?? "known are \(Self.list(keys))"
                complaints.add(key.location, "\(what) has no \"\(name)\"; \(hint)")
                continue
            }
            if !value.isAbsent { values[name] = value }
        }
        self.values = values
    }

    static func list(_ words: [String]) -> String { words.joined(separator: ", ") }

    subscript(key: String) -> Node? { values[key] }

    func location(of key: String) -> SourceLocation { values[key]?.location ?? location }

    func has(_ key: String) -> Bool { values[key] != nil }

    /// Complains if the key is missing.
    func required(_ key: String) -> Node? {
        if let node = values[key] { return node }
        complaints.add(location, "\(what) needs \"\(key)\"")
        return nil
    }

    /// The elements of a list; none if the key is absent.
    func elements(_ key: String) -> [Node] {
        guard let node = values[key] else { return [] }
        guard case .sequence(let sequence) = node else {
            complaints.add(
                node.location,
                "\"\(key)\" of \(what) cannot be \(node.kind); expected a list: [a, b], or lines with \"- \"")
            return []
        }
        return Array(sequence)
    }

    func text(_ key: String) -> Located<String>? { values[key].flatMap { complaints.text($0, what: key) } }

    func requiredText(_ key: String) -> Located<String>? { required(key).flatMap { complaints.text($0, what: key) } }

    func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        values[key].flatMap { complaints.integer($0, what: key, in: range) }
    }

    func requiredInteger(_ key: String, in range: ClosedRange<Int>) -> Int? {
        required(key).flatMap { complaints.integer($0, what: key, in: range) }
    }

    func boolean(_ key: String) -> Bool? {
        values[key].flatMap { node in
            complaints.value(node, what: key, expected: "true or false") {
                switch $0.lowercased() {
                case "true", "yes", "on": true
                case "false", "no", "off": false
                default: nil
                }
            }
        }
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _ type: Choice.Type) -> Choice?
    where Choice.RawValue == String {
        values[key].flatMap { complaints.choice($0, what: key, type) }
    }

    func duration(_ key: String) -> Duration? {
        values[key].flatMap { node in
            complaints.value(
                node, what: key, expected: "a time like 300s, 5m, 1h or 500ms, at least 500ms", parseDuration)
        }
    }
}

extension Complaints {
    func text(_ node: Node, what: String) -> Located<String>? {
        guard case .scalar(let scalar) = node else {
            add(node.location, "\(what) cannot be \(node.kind); expected a word")
            return nil
        }
        return Located(scalar.string, at: node.location)
    }

    /// Reads a scalar by `parse`; complains with what was expected if that returns nil.
    func value<Value>(_ node: Node, what: String, expected: String, _ parse: (String) -> Value?) -> Value? {
        if case .scalar(let scalar) = node, let value = parse(scalar.string) { return value }
        add(node.location, "\(what) cannot be \(node.kind); expected \(expected)")
        return nil
    }

    func integer(_ node: Node, what: String, in range: ClosedRange<Int>) -> Int? {
        value(node, what: what, expected: "a number from \(range.lowerBound) to \(range.upperBound)") {
            parseInteger($0).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_ node: Node, what: String, _ type: Choice.Type) -> Choice?
    where Choice.RawValue == String {
        let names = Choice.allCases.map(\.rawValue)
        return value(node, what: what, expected: names.joined(separator: ", ")) { Choice(rawValue: $0) }
    }

    func address(_ node: Node, what: String) -> IPAddress? {
        value(node, what: what, expected: "an address like 10.0.2.1 or fd00::1") { IPAddress($0) }
    }

    func prefix(_ node: Node, what: String) -> IPPrefix? {
        guard case .scalar(let scalar) = node, let loose = parseInterfaceAddress(scalar.string, hostIfBare: true) else {
            add(node.location, "\(what) cannot be \(node.kind); expected a prefix like 10.0.0.0/8 or fd00::/64")
            return nil
        }
        if loose.prefix.address != loose.address {
            add(node.location, "\(what) \(loose) has bits behind its prefix; write \(loose.prefix)")
        }
        return loose.prefix
    }

    func interfaceAddress(_ node: Node, what: String) -> Located<InterfaceAddress>? {
        value(node, what: what, expected: "an address with its prefix length like 10.0.1.1/24 or fd00:1::1/64") {
            parseInterfaceAddress($0, hostIfBare: false)
        }.map { Located($0, at: node.location) }
    }

    /// An address a station can have: neither multicast nor zero.
    func stationMAC(_ node: Node, what: String) -> MACAddress? {
        value(node, what: what, expected: "a station's address like 02:00:00:00:00:01 (not multicast, not zero)") {
            MACAddress($0).flatMap { $0.isMulticast || $0.rawValue == 0 ? nil : $0 }
        }
    }
}

func parseInteger(_ text: String) -> Int? {
    let digits = text.replacing("_", with: "")
    if digits.hasPrefix("0x") || digits.hasPrefix("0X") { return Int(digits.dropFirst(2), radix: 16) }
    return Int(digits)
}

func parseInterfaceAddress(_ text: String, hostIfBare: Bool) -> InterfaceAddress? {
    guard let slash = text.firstIndex(of: "/") else {
        guard hostIfBare, let address = IPAddress(text) else { return nil }
        if case .v4 = address { return InterfaceAddress(address, length: 32) }
        return InterfaceAddress(address, length: 128)
    }
    let length = text[text.index(after: slash)...]
    guard length.utf8.count <= 3, length.utf8.allSatisfy({ (48...57).contains($0) }), let bits = Int(length),
        let address = IPAddress(text[..<slash])
    else { return nil }
    return InterfaceAddress(address, length: bits)
}

/// `300s`, `5m`, `1h`, `500ms`; a bare number is seconds. At least half a second: last hits are no finer.
func parseDuration(_ text: String) -> Duration? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard digits.utf8.count <= 9, let number = Int(digits) else { return nil }
    let duration: Duration
    switch text.dropFirst(digits.count) {
    case "ms": duration = .milliseconds(number)
    case "", "s": duration = .seconds(number)
    case "m", "min": duration = .seconds(number * 60)
    case "h": duration = .seconds(number * 3600)
    default: return nil
    }
    return duration >= .milliseconds(500) ? duration : nil
}

/// The candidate with the fewest edits, if it is near enough to be what was meant.
func nearest(to word: String, in candidates: [String]) -> String? {
    let best = candidates.map { (name: $0, distance: editDistance(word, $0)) }.min { $0.distance < $1.distance }
    guard let best, best.distance <= (word.count < 3 ? 0 : max(word.count >= 4 ? 2 : 1, word.count / 3)) else {
        return nil
    }
    return best.name
}

private func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.prefix(64).utf8), Array(b.utf8))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, y) in b.enumerated() {
            let substituted = diagonal + (x == y ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
        }
    }
    return row[b.count]
}
