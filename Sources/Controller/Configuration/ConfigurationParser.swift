// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Yams

extension Configuration {
    /// Reads and checks a configuration file.
    ///
    /// - Parameter file: its name, for complaints.
    /// - Throws: all complaints at once, each with its line and column. What a configuration says about the host (whether
    ///   an interface exists) is not checked here: that changes while the node runs.
    public static func parse(_ text: String, file: String) throws(ConfigurationError) -> Configuration {
        let complaints = Complaints(file: file)
        var parser = ConfigurationParser(complaints: complaints)
        if let root = composeYAML(text, complaints: complaints) { parser.read(root) }
        guard complaints.list.isEmpty else {
            throw ConfigurationError(complaints: complaints.list.sorted { $0.location < $1.location })
        }
        return parser.result
    }
}

/// Reads the file from top to bottom in the order things refer to each other: ports before routes.
struct ConfigurationParser {
    let complaints: Complaints
    var result = Configuration()

    var vrfNames: [String: VRFID] = ["default": .default]
    /// Ports by name, as far as they could be read.
    var portIndex: [String: Int] = [:]
    /// Connected networks of the router interfaces.
    var connected = ConnectedNetworks()

    static let sections = [
        "node", "pin_path", "limits", "ageing", "acl_default", "ports", "vlans", "macs", "vrfs", "routes", "neighbors",
        "acl", "flows", "card",
    ]

    init(complaints: Complaints) { self.complaints = complaints }

    mutating func read(_ root: Node) {
        guard
            let file = YAMLMapping(root, what: "the configuration", keys: Self.sections, complaints: complaints)
        else { return }
        readNode(file)
        readLimits(file)
        readAgeing(file)
        result.aclDefault = file.choice("acl_default", ACLDefault.self) ?? result.aclDefault
        if let path = file.text("pin_path") {
            if path.value.hasPrefix("/") {
                result.pinPath = path.value
            } else {
                complaints.add(
                    path.location, "pin_path cannot be \"\(path.value)\"; expected an absolute path on bpffs")
            }
        }
        readVRFs(file)
        readPorts(file)
        checkPorts()
        readVLANs(file)
        readMACs(file)
        readNeighbors(file)
        readRoutes(file)
        readACL(file)
        readFlows(file)
        readCard(file)
    }

    typealias ACLDefault = Configuration.ACLDefault
    typealias RouterPort = Configuration.RouterPort

    private mutating func readNode(_ file: YAMLMapping) {
        guard let node = file["node"],
            let reader = YAMLMapping(node, what: "node", keys: ["name", "hash_seed"], complaints: complaints)
        else { return }
        if let name = reader.text("name") { result.node.name = name.value }
        if let seed = reader["hash_seed"] {
            result.node.hashSeed = complaints.value(seed, what: "hash_seed", expected: "a number from 0 to 2⁶⁴ - 1") {
                $0.hasPrefix("0x") ? UInt64($0.dropFirst(2), radix: 16) : UInt64($0)
            }
        }
    }

    private mutating func readLimits(_ file: YAMLMapping) {
        guard let node = file["limits"],
            let reader = YAMLMapping(
                node, what: "limits",
                keys: [
                    "ipv4_flows", "ipv6_flows", "macs", "macs_per_port", "routes", "acl",
                    "new_flows_per_second_per_port",
                    "new_flows_per_second_per_source", "events_per_second_per_port", "flow_high_water",
                ], complaints: complaints)
        else { return }
        func set(_ key: String, _ range: ClosedRange<Int>, _ path: WritableKeyPath<Configuration.Limits, Int>) {
            if let value = reader.integer(key, in: range) { result.limits[keyPath: path] = value }
        }
        set("ipv4_flows", 64...16_777_216, \.ipv4Flows)
        set("ipv6_flows", 64...16_777_216, \.ipv6Flows)
        set("macs", 64...1_048_576, \.macs)
        set("macs_per_port", 1...1_048_576, \.macsPerPort)
        set("routes", 64...4_194_304, \.routes)
        set("acl", 1...512, \.acl)
        set("new_flows_per_second_per_port", 1...100_000_000, \.newFlowsPerSecondPerPort)
        set("new_flows_per_second_per_source", 1...100_000_000, \.newFlowsPerSecondPerSource)
        set("events_per_second_per_port", 10...100_000_000, \.eventsPerSecondPerPort)
        set("flow_high_water", 10...100, \.flowHighWater)
    }

    private mutating func readAgeing(_ file: YAMLMapping) {
        guard let node = file["ageing"],
            let reader = YAMLMapping(
                node, what: "ageing", keys: ["tcp", "udp", "icmp", "other", "mac"], complaints: complaints)
        else { return }
        // Last hits are stamped in half seconds that wrap after nine hours.
        func set(_ key: String, _ path: WritableKeyPath<Configuration.Ageing, Duration>) {
            guard let value = reader.duration(key) else { return }
            if value > .seconds(8 * 3600) {
                complaints.add(reader.location(of: key), "\(key) cannot be longer than 8h")
            } else {
                result.ageing[keyPath: path] = value
            }
        }
        set("tcp", \.tcp)
        set("udp", \.udp)
        set("icmp", \.icmp)
        set("other", \.other)
        set("mac", \.mac)
    }

    private mutating func readVRFs(_ file: YAMLMapping) {
        var ids: [VRFID: SourceLocation] = [:]
        for node in file.elements("vrfs") {
            guard let reader = YAMLMapping(node, what: "a VRF", keys: ["name", "id"], complaints: complaints),
                let name = reader.requiredText("name"), let number = reader.requiredInteger("id", in: 1...255)
            else { continue }
            let id = VRFID(rawValue: UInt16(number))
            if name.value == "default" {
                complaints.add(name.location, "\"default\" is VRF 0, which is always there; choose another name")
            } else if let first = result.vrfs.first(where: { $0.name == name.value }) {
                duplicate("VRF \(name.value)", at: name.location, first: first.location)
            }
            if let first = ids[id] { duplicate("VRF id \(number)", at: reader.location(of: "id"), first: first) }
            ids[id] = node.location
            vrfNames[name.value] = id
            result.vrfs.append(.init(name: name.value, id: id, location: node.location))
        }
    }

    func duplicate(_ what: String, at location: SourceLocation, first: SourceLocation) {
        complaints.add(location, "\(what) is given twice; first in line \(first.line)")
    }

    func vrf(_ reader: YAMLMapping) -> VRFID {
        guard let text = reader.text("vrf") else { return .default }
        if let id = vrfNames[text.value] { return id }
        if let number = parseInteger(text.value), (0...255).contains(number) { return VRFID(rawValue: UInt16(number)) }
        let known = vrfNames.keys.sorted().joined(separator: ", ")
        complaints.add(
            text.location, "there is no VRF \"\(text.value)\"; expected one of \(known), or a number from 0 to 255")
        return .default
    }

    /// The port a text names; complains otherwise.
    func port(_ text: Located<String>) -> Configuration.Port? {
        if let index = portIndex[text.value] { return result.ports[index] }
        let names = result.ports.map(\.name)
        let hint =
            names.isEmpty
            ? "there are no ports"
            : nearest(to: text.value, in: names).map { "did you mean \"\($0)\"?" }
                ?? "ports are \(names.joined(separator: ", "))"
        complaints.add(text.location, "there is no port \"\(text.value)\"; \(hint)")
        return nil
    }

    /// `p1`, `p1.10`, or `port: p1` with `vlan: 10`.
    func routerPort(_ text: Located<String>, vlan: Int? = nil) -> (port: RouterPort, vrf: VRFID)? {
        if vlan == nil, portIndex[text.value] == nil, let dot = text.value.lastIndex(of: "."),
            let number = Int(text.value[text.value.index(after: dot)...]), portIndex[String(text.value[..<dot])] != nil
        {
            return routerPort(Located(String(text.value[..<dot]), at: text.location), vlan: number)
        }
        guard let port = port(text) else { return nil }
        guard let vlan else {
            if port.mode == .switched, port.addresses.isEmpty {
                complaints.add(
                    text.location,
                    "port \(port.name) is switched and the router is not there; give it \"addresses\", or name a subinterface"
                )
                return nil
            }
            return (RouterPort(port: port.name), port.vrf)
        }
        if let sub = port.subinterfaces.first(where: { Int($0.vlan.rawValue) == vlan }) {
            return (RouterPort(port: port.name, vlan: sub.vlan), sub.vrf)
        }
        complaints.add(
            text.location, "port \(port.name) has no subinterface with VLAN \(vlan); add it under \"subinterfaces\"")
        return nil
    }
}

/// Yams' composed document; its errors become complaints with their line.
private func composeYAML(_ text: String, complaints: Complaints) -> Node? {
    do {
        guard let root = try Yams.compose(yaml: text) else {
            complaints.add(
                SourceLocation(line: 1, column: 1), "the file is empty; at least \"ports\" is needed")
            return nil
        }
        return root
    } catch let error as YamlError {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let begun = context.map { ", \($0.text) that began in line \($0.mark.line)" } ?? ""
            complaints.add(SourceLocation(line: mark.line, column: mark.column), "not YAML: \(problem)\(begun)")
        case .reader(let problem, let offset, let value, let yaml):
            let before = yaml.prefix(max(0, offset ?? 0))
            let line = before.reduce(1) { $1.isNewline ? $0 + 1 : $0 }
            let column = before.reversed().prefix { !$0.isNewline }.count + 1
            complaints.add(
                SourceLocation(line: line, column: column), "not YAML: \(problem) (0x\(String(value, radix: 16)))")
        case .duplicatedKeysInMapping(let keys, let context):
            let found = SourceLocation(line: context.mark.line, column: context.mark.column)
            for key in keys {
                let lines = linesOfDuplicates(of: key, around: found, in: text)
                complaints.add(
                    lines.count > 1 ? SourceLocation(line: lines[1], column: found.column) : found,
                    lines.count > 1
                        ? "\"\(key)\" is given twice; first in line \(lines[0])" : "\"\(key)\" is given twice")
            }
        default:
            complaints.add(SourceLocation(line: 1, column: 1), "not YAML: \(error)")
        }
    } catch {
        complaints.add(SourceLocation(line: 1, column: 1), "not YAML: \(error)")
    }
    return nil
}

/// The lines in which a mapping gives a key; the YAML reader tells one of them only. Looks at lines with the key in the same
/// column, up to the first line that stands further left and so ends the mapping.
private func linesOfDuplicates(of key: String, around found: SourceLocation, in text: String) -> [Int] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0.unicodeScalars) }
    let wanted = Array(key.unicodeScalars) + [":"]
    func gives(_ line: [Unicode.Scalar]) -> Bool {
        let start = found.column - 1
        guard line.count >= start + wanted.count else { return false }
        return line[..<start].allSatisfy { $0 == " " || $0 == "-" }
            && Array(line[start..<start + wanted.count]) == wanted
    }
    /// Whether the mapping goes on over this line.
    func within(_ line: [Unicode.Scalar]) -> Bool {
        guard let first = line.firstIndex(where: { $0 != " " }) else { return true }
        return line[first] == "#" || first >= found.column - 1
    }
    guard lines.indices.contains(found.line - 1) else { return [] }
    var result = [found.line]
    var index = found.line - 2
    // A list element's first key stands behind its dash, on the line that begins the mapping.
    if !lines[found.line - 1].prefix(max(0, found.column - 1)).contains("-") {
        while index >= 0 {
            if gives(lines[index]) { result.insert(index + 1, at: 0) }
            guard within(lines[index]) else { break }
            index -= 1
        }
    }
    index = found.line
    while index < lines.count, within(lines[index]) {
        if gives(lines[index]) { result.append(index + 1) }
        index += 1
    }
    return result
}
