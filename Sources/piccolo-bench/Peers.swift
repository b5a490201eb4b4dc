// SPDX-License-Identifier: Apache-2.0
import BPF

/// The minimal programs over the kernel's own maps (`bpf/bench/peers.bpf.c`), loaded and filled.
final class Peer {
    enum Table: String {
        case hash = "flows_hash"
        case lru = "flows_lru"
        case trie = "prefixes"

        var program: String {
            switch self {
            case .hash: "peer_hash"
            case .lru: "peer_lru"
            case .trie: "peer_lpm"
            }
        }
    }

    /// Where a peer counts: two atomic additions in the map's value, or in a slab per CPU with a counter for each entry.
    enum Counting: UInt32 {
        case inValue = 0
        case perCPU = 1
    }

    /// As `struct peer_key`; numbers as they stand in the packet.
    struct Key: BitwiseCopyable {
        var inPort: UInt32
        var ipProtocol: UInt8
        var family: UInt8
        var pad: UInt16 = 0
        var ports: UInt32
        var pad1: UInt32 = 0
        var source: (UInt64, UInt64)
        var destination: (UInt64, UInt64)

        init(_ flow: BenchFlow, _ kind: Family, inPort: UInt32) {
            self.inPort = inPort
            ipProtocol = flow.ipProtocol
            ports = UInt32(flow.sourcePort.bigEndian) | UInt32(flow.destinationPort.bigEndian) << 16
            switch kind {
            case .ipv4:
                family = 4
                source = (0, UInt64(UInt32(truncatingIfNeeded: flow.sourceLow).bigEndian) << 32)
                destination = (0, UInt64(UInt32(truncatingIfNeeded: flow.destinationLow).bigEndian) << 32)
            case .ipv6:
                family = 6
                source = (flow.sourceHigh.bigEndian, flow.sourceLow.bigEndian)
                destination = (flow.destinationHigh.bigEndian, flow.destinationLow.bigEndian)
            }
        }
    }

    /// As `struct peer_value`.
    struct Value: BitwiseCopyable {
        var macs: (UInt32, UInt32, UInt32) = (0x0b0b_0b0a, 0x0c0a_0b0b, 0x0c0c_0c0c)
        var port: UInt32 = egress
        var packets: UInt64
        var bytes: UInt64 = 0
    }

    /// As `struct prefix_key`.
    struct PrefixKey: BitwiseCopyable {
        var length: UInt32
        var address: (UInt32, UInt32, UInt32, UInt32)
    }

    static let egress: UInt32 = 1
    let object: LoadedObject
    let table: Table

    /// - Parameter entries: room in the table; an LRU map needs some to spare or it evicts.
    init(_ table: Table, entries: Int, counting: Counting, counters: Int = 1) throws {
        let open = try OpenObject(name: "peers", base64: PeersObject.base64)
        for program in open.programNames where program != table.program { try open.setLoads(false, program: program) }
        try open.setMaxEntries(UInt32(entries), ofMap: table.rawValue)
        if counting == .perCPU { try open.setMaxEntries(UInt32(max(counters, entries)), ofMap: "counters") }
        try open.setGlobal("counting", to: counting.rawValue)
        object = try open.load()
        self.table = table
        self.counting = counting
    }
    private let counting: Counting

    func setEgress(_ interfaceIndex: UInt32) throws {
        try object.map("devices").setDevice(interfaceIndex, at: Self.egress)
    }

    func addFlows(_ numbers: Range<Int>, _ family: Family, inPort: UInt32) throws {
        let map = try object.map(table.rawValue, key: Key.self, value: Value.self)
        let keys = numbers.map { Key(BenchFlow($0, family), family, inPort: inPort) }
        let values = numbers.map { Value(packets: counting == .perCPU ? UInt64($0) : 0) }
        try map.updateBatch(keys, values, chunk: 4096)
    }

    func addPrefixes(_ count: Int) throws {
        let map = try object.map(table.rawValue, key: PrefixKey.self, value: Value.self)
        let keys = (0..<count).map { number -> PrefixKey in
            let prefix = BenchPrefix(number)
            return PrefixKey(
                length: UInt32(prefix.length),
                address: (
                    UInt32(truncatingIfNeeded: prefix.high >> 32).bigEndian,
                    UInt32(truncatingIfNeeded: prefix.high).bigEndian, 0, 0
                ))
        }
        try map.updateBatch(keys, keys.indices.map { Value(packets: UInt64($0)) }, chunk: 4096)
    }

    func subject(_ name: String) throws -> Subject {
        Subject(name, try object.program(table.program), owner: self)
    }
}
