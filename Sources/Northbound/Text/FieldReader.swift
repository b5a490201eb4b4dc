// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// What is wrong with what a person typed, and what would be right.
public struct SyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// The `name=value` words of one entry, read by type. Each getter returns nil for a field that is absent.
struct FieldReader {
    let table: TableID
    let names: Directory
    private(set) var values: [String: String]

    init(table: TableID, names: Directory, values: [String: String]) throws(SyntaxError) {
        (self.table, self.names, self.values) = (table, names, values)
        let allowed = EntrySyntax.fields(of: table)
        for name in values.keys.sorted() where !allowed.contains(where: { $0.name == name }) {
            throw SyntaxError(
                "\(table.rawValue) has no field \(name); its fields are "
                    + allowed.map(\.name).joined(separator: ", "))
        }
    }

    /// Splits `name=value` words.
    static func split(_ words: [String]) throws(SyntaxError) -> [String: String] {
        var values: [String: String] = [:]
        for word in words {
            guard let equals = word.firstIndex(of: "="), equals != word.startIndex else {
                throw SyntaxError("\"\(word)\" is no field; expected name=value, such as vlan=10")
            }
            let name = String(word[..<equals].map { $0 == "-" ? "_" : $0 })
            guard values.updateValue(String(word[word.index(after: equals)...]), forKey: name) == nil else {
                throw SyntaxError("\(name) is given twice")
            }
        }
        return values
    }

    func error(_ name: String, expected: String) -> SyntaxError {
        SyntaxError("\(name) cannot be \"\(values[name] ?? "")\"; expected \(expected)")
    }

    func has(_ name: String) -> Bool { values[name] != nil }

    func required<T>(_ name: String, _ value: T?) throws(SyntaxError) -> T {
        guard let value else {
            let field = EntrySyntax.fields(of: table).first { $0.name == name }
            throw SyntaxError("\(table.rawValue) needs \(name)=: \(field?.expected ?? "a value")")
        }
        return value
    }

    func read<T>(_ name: String, _ expected: String, _ parse: (String) -> T?) throws(SyntaxError) -> T? {
        guard let text = values[name] else { return nil }
        guard let value = parse(text) else { throw error(name, expected: expected) }
        return value
    }

    /// Decimal, or hexadecimal with 0x.
    static func integer<T: FixedWidthInteger>(_ text: some StringProtocol) -> T? {
        guard let first = text.first, first.isNumber else { return nil }
        return text.hasPrefix("0x") ? T(text.dropFirst(2), radix: 16) : T(text)
    }

    func number<T: FixedWidthInteger>(_ name: String, in range: ClosedRange<T>) throws(SyntaxError) -> T? {
        try read(name, "a number, \(range.lowerBound)...\(range.upperBound)") { text in
            Self.integer(text).flatMap { (number: T) in range.contains(number) ? number : nil }
        }
    }

    func bool(_ name: String) throws(SyntaxError) -> Bool? {
        try choice(name, [("yes", true), ("no", false), ("true", true), ("false", false)])
    }

    func choice<T>(_ name: String, _ choices: [(String, T)]) throws(SyntaxError) -> T? {
        try read(name, "one of " + choices.map(\.0).joined(separator: ", ")) { text in
            choices.first { $0.0 == text }?.1
        }
    }

    func port(_ name: String) throws(SyntaxError) -> PortID? {
        try read(name, "a port: \(names.allPortNames)") { names.port(named: $0) }
    }

    func ports(_ name: String) throws(SyntaxError) -> Set<PortID>? {
        try read(name, "ports with commas between, of \(names.allPortNames)") { text in
            var ports: Set<PortID> = []
            for part in text.split(separator: ",") {
                guard let port = names.port(named: String(part)) else { return nil }
                ports.insert(port)
            }
            return ports
        }
    }

    func vlan(_ name: String = "vlan", untagged: Bool = false) throws(SyntaxError) -> VLANID? {
        try read(name, untagged ? "1...4094 or untagged" : "1...4094") { text in
            if untagged, text == "untagged" { return .untagged }
            return Self.integer(text).flatMap { (1...4094).contains($0) ? VLANID(rawValue: $0) : nil }
        }
    }

    func mac(_ name: String) throws(SyntaxError) -> MACAddress? {
        try read(name, "an Ethernet address, such as 02:00:00:00:00:01") { MACAddress($0) }
    }

    func ternaryMAC(_ name: String) throws(SyntaxError) -> Ternary<UInt64>? {
        try read(name, "ADDRESS or ADDRESS/MASK, such as 02:00:00:00:00:00/ff:ff:ff:00:00:00") { text in
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let value = parts.first.flatMap({ MACAddress($0) }) else { return nil }
            guard parts.count > 1 else {
                return Ternary(value: value.rawValue, mask: MACAddress.broadcast.rawValue)
            }
            return MACAddress(parts[1]).map { Ternary(value: value.rawValue, mask: $0.rawValue) }
        }
    }

    func address(_ name: String) throws(SyntaxError) -> IPAddress? {
        try read(name, "an IPv4 or IPv6 address") { IPAddress($0) }
    }

    func prefix(_ name: String) throws(SyntaxError) -> IPPrefix? {
        if let text = values[name], let slash = text.firstIndex(of: "/"), let address = IPAddress(text[..<slash]),
            let length = Int(text[text.index(after: slash)...]), let prefix = IPPrefix(address, length: length),
            prefix.address != address
        {
            throw error(name, expected: "no bits behind the prefix: \(prefix.description)")
        }
        return try read(name, "ADDRESS/LENGTH, such as 10.9.0.0/16 or 2001:db8::/32, or an address") { IPPrefix($0) }
    }

    func ipProtocol(_ name: String = "protocol") throws(SyntaxError) -> UInt8? {
        try read(name, "tcp, udp, icmp, icmpv6 or a number, 0...255") { text in
            switch text {
            case "icmp": 1
            case "tcp": 6
            case "udp": 17
            case "icmpv6": 58
            default: Self.integer(text)
            }
        }
    }

    func portRange(_ name: String) throws(SyntaxError) -> ClosedRange<UInt16>? {
        try read(name, "a port or a range such as 1024-65535") { text in
            let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first: UInt16 = parts.first.flatMap({ Self.integer($0) }),
                let last: UInt16 = parts.last.flatMap({ Self.integer($0) }), first <= last
            else { return nil }
            return first...last
        }
    }

    func ternaryByte(_ name: String) throws(SyntaxError) -> Ternary<UInt8>? {
        try read(name, "VALUE/MASK, such as 0x02/0x12 (SYN set, ACK not)") { text in
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let value: UInt8 = parts.first.flatMap({ Self.integer($0) }) else { return nil }
            guard parts.count > 1 else { return Ternary(value: value) }
            let mask: UInt8? = Self.integer(parts[1])
            return mask.map { Ternary(value: value, mask: $0) }
        }
    }

    /// The router interface, by its number or by port and VLAN; nil if none of these is given.
    func routerInterface() throws(SyntaxError) -> RouterInterfaceID? {
        let port = try port("port")
        if let number: UInt16 = try number("router_interface", in: 1...1023) {
            let id = RouterInterfaceID(rawValue: number)
            if let port, let known = names.routerInterfaces[id], known.port != port {
                throw SyntaxError(
                    "router interface \(number) is at port \(names.name(of: known.port)), not \(names.name(of: port)); "
                        + "give one of port and router_interface")
            }
            return id
        }
        guard let port else { return nil }
        let vlan = has("vlan") ? try vlan(untagged: true) : nil
        let found = names.routerInterfaces(port: port, vlan: vlan)
        switch found.count {
        case 1: return found[0].id
        case 0:
            throw SyntaxError(
                "port \(names.name(of: port)) has no router interface\(vlan.map { " for VLAN \($0.rawValue)" } ?? ""); "
                    + "see `piccolo entry list router_interface_table`")
        default:
            let choices = found.map { interface in
                "vlan=\(interface.vlan == .untagged ? "untagged" : "\(interface.vlan.rawValue)")"
            }
            throw SyntaxError(
                "port \(names.name(of: port)) has \(found.count) router interfaces; say which with "
                    + choices.joined(separator: ", "))
        }
    }
}
