// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Testing

/// A card on the bench: its bus, and writers of table words that are the tests' own.
struct CardTrial {
    let card: SimulatedCard
    let bus: SimulatedRegisterBus
    let map: FlowEngineMap

    init(_ configuration: CardConfiguration) throws {
        card = try SimulatedCard(configuration)
        bus = SimulatedRegisterBus(card)
        map = try #require(FlowEngineMap.revision(configuration.mapRevision))
    }

    /// A TrustNode whose ports, flow cache and way to the processor are on.
    static func trustNode(
        mapRevision: Int = 7, hashRevision: Int = 12, _ change: (inout CardConfiguration) -> Void = { _ in }
    ) throws -> CardTrial {
        var configuration = CardConfiguration(
            profile: .trustNode, mapRevision: mapRevision, hashRevision: hashRevision)
        change(&configuration)
        let bench = try CardTrial(configuration)
        try bench.turnOn()
        return bench
    }

    static func hat(_ change: (inout CardConfiguration) -> Void = { _ in }) throws -> CardTrial {
        var configuration = CardConfiguration(profile: .realTimeHAT)
        change(&configuration)
        let bench = try CardTrial(configuration)
        try bench.turnOn()
        return bench
    }

    func turnOn() throws {
        try bus.writeWord(map.net.enable.address, 0xffff)
        try bus.writeWord(map.common.featuresFlowcache.address, 0x10)
        if card.configuration.features.contains(.flowCache) { try bus.writeWord(map.flowCache.enable.address, 7) }
    }

    func write(_ table: EntryTable, _ entry: Int, _ words: [UInt32]) throws {
        for (word, value) in words.enumerated() { try bus.writeWord(table.address(entry, word: word), value) }
    }

    /// Action of a TrustNode: to a port.
    func action(_ index: Int, toPort port: UInt32) throws {
        try write(map.action, index, [0xffff_ff00 | port << 1 | 1])
    }

    func dropAction(_ index: Int) throws { try write(map.action, index, [0xffff_ff40]) }

    /// A rule and the slot that points to it.
    func hashed(_ rule: Int, type: Int, slot: Int, priority: UInt64 = 100, action: UInt64, _ key: [String: UInt64])
        throws
    {
        try write(map.emhRule, rule, try ruleWords(type: type, priority: priority, action: action, key))
        try write(map.emhHash, slot, [0xffff_fe00 | UInt32(rule)])
    }

    func collision(_ entry: Int, type: Int, priority: UInt64 = 100, action: UInt64, _ key: [String: UInt64]) throws {
        try write(map.collision, entry, try ruleWords(type: type, priority: priority, action: action, key))
    }

    func ruleWords(type: Int, priority: UInt64 = 100, action: UInt64, _ key: [String: UInt64]) throws -> [UInt32] {
        let layout = try #require(
            card.configuration.keySet[type]
                ?? FlowCacheLayouts.emhRule(hashRevision: card.configuration.hashRevision, type: type)
                ?? Self.inHashOrder(card.configuration.hashRevision, type))
        var values = key
        (values["valid"], values["type"], values["priority"], values["action_id"]) = (1, UInt64(type), priority, action)
        return Words.pack(layout, values)
    }

    /// Key set 2 with its fields in the order they are hashed, from bit 40 on.
    private static func inHashOrder(_ revision: Int, _ type: Int) -> EntryLayout? {
        let widths = [
            "mac_dst": 48, "ipv4_src": 32, "ipv4_dst": 32, "proto": 8, "ethertype": 16, "port_dst": 16,
        ]
        guard let names = FlowCacheLayouts.hashedFields(hashRevision: revision, type: type) else { return nil }
        var fields = [
            EntryField("valid", 0, 1), EntryField("type", 1, 5), EntryField("priority", 8, 8),
            EntryField("action_id", 16, 24),
        ]
        var bit = 40
        for name in names {
            fields.append(EntryField(name, bit, widths[name] ?? 0))
            bit += widths[name] ?? 0
        }
        return EntryLayout("in hash order", words: 9, fields)
    }

    /// A masked rule; TYPE as the tool writes it: set bits for fields that are open.
    func masked(
        _ entry: Int, priority: UInt64 = 100, action: UInt64, _ key: [String: UInt64],
        tcam: (data: UInt64, mask: UInt64)
    ) throws {
        let open = FrameField.allCases.reduce(UInt64(0)) {
            key[$1.layoutName] == nil ? $0 | 1 << UInt64($1.rawValue) : $0
        }
        try maskedRule(entry, type: open, priority: priority, action: action, key)
        try write(
            map.emaTCAM, entry,
            [tcam.data, tcam.mask].flatMap { [UInt32(truncatingIfNeeded: $0), UInt32(truncatingIfNeeded: $0 >> 32)] })
    }

    func maskedRule(_ entry: Int, type: UInt64, priority: UInt64, action: UInt64, _ key: [String: UInt64]) throws {
        var values = key
        (values["valid"], values["type"], values["priority"], values["action_id"]) = (1, type, priority, action)
        try write(map.emaRule, entry, Words.pack(FlowCacheLayouts.emaRule, values))
    }

    /// Ports a frame leaves by; 100 + x for CPU interface x.
    func send(_ frame: [UInt8], port: Int = 0) -> [Int] {
        card.receive(frame, port: port).map { emission in
            switch emission {
            case .port(let port, _): port
            case .cpu(let interface, _): 100 + interface
            }
        }
    }
}

/// Bits of entries, packed bit by bit.
enum Words {
    static func pack(_ layout: EntryLayout, _ values: [String: UInt64]) -> [UInt32] {
        var words = [UInt32](repeating: 0, count: layout.words)
        for field in layout.fields {
            let value = values[field.name] ?? 0
            for bit in 0..<field.width where value >> UInt64(bit) & 1 != 0 {
                let place = field.lowestBit + bit
                words[place / 32] |= 1 << UInt32(place % 32)
            }
        }
        return words
    }
}

/// Frames of the tests. Addresses are small numbers: station 5 is 02:00:00:00:00:05.
enum TestFrame {
    static func mac(_ station: UInt64) -> MACAddress { MACAddress(rawValue: 0x0200_0000_0000 | station) }

    static func udp(
        to destination: UInt64 = 2, from source: UInt64 = 1, vlan: UInt16? = nil, priority: UInt8 = 0,
        ip: UInt32 = 0x0a00_0002, port: UInt16 = 53, sourcePort: UInt16 = 1000,
        change: (inout IPv4Packet) -> Void = { _ in }
    ) -> [UInt8] {
        var packet = IPv4Packet(
            source: IPv4Address(rawValue: 0x0a00_0001), destination: IPv4Address(rawValue: ip),
            transport: .udp(source: sourcePort, destination: port, payload: Array(repeating: 0, count: 32)))
        change(&packet)
        return frame(to: mac(destination), from: mac(source), vlan: vlan, priority: priority, .ipv4(packet))
    }

    static func ipv6(
        to destination: IPv6Address, from source: IPv6Address = IPv6Address(high: 1, low: 1), port: UInt16 = 53,
        extensions: [IPv6Packet.Extension] = []
    ) -> [UInt8] {
        let packet = IPv6Packet(
            source: source, destination: destination, extensions: extensions,
            transport: .udp(source: 1000, destination: port, payload: Array(repeating: 0, count: 32)))
        return frame(to: mac(2), from: mac(1), .ipv6(packet))
    }

    static func frame(
        to destination: MACAddress, from source: MACAddress, vlan: UInt16? = nil, priority: UInt8 = 0,
        _ payload: Frame.Payload
    ) -> [UInt8] {
        let tags = vlan.map { [Frame.Tag(priority: priority, vid: $0)] } ?? []
        return Frame(destination: destination, source: source, tags: tags, payload: payload).bytes
    }

    static func plain(to destination: UInt64 = 2, from source: UInt64 = 1, etherType: UInt16 = 0x88b5, count: Int = 46)
        -> [UInt8]
    {
        frame(
            to: mac(destination), from: mac(source),
            .other(etherType: etherType, bytes: Array(repeating: 0, count: count)))
    }
}
