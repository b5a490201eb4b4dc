// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Tables

/// Sizes and settings of the XDP data plane, fixed while it is loaded.
public struct XDPConfiguration: Sendable {
    public var ipv4Flows = 1_048_576
    public var ipv6Flows = 131_072
    public var macs = 65_536
    /// IPv4 and IPv6 together.
    public var routes = 131_072
    public var aclEntries = Int(FP_MAX_ACL_RULES)
    /// Events a port may report per second on one CPU; what is over is counted and dropped.
    public var eventsPerSecond = 1_000_000
    public var aclDefaultDrop = false
    /// Some port takes frames that do not lie in one buffer (jumbo frames on most drivers).
    public var multiBuffer = false
    /// Keep an explanation of every verdict, for replay; costs time on every packet.
    public var trace = false
    /// Seeds of the hashes are drawn from this one when given; else they are random.
    public var hashSeed: UInt64?
    /// Directory on a BPF file system where maps, programs and links are pinned; nil pins nothing.
    public var pinDirectory: String?

    public init() {}
}

/// Small, deterministic, good enough to expand one seed: SplitMix64 (Steele, Lea and Flood, 2014).
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Sizes of the mapped tables that follow from the configuration.
struct FastPathSizes {
    var flow4Buckets: Int
    var flow6Buckets: Int
    var macBuckets: Int
    var treeNodes: Int
    var routeRecords: Int

    init(_ configuration: XDPConfiguration) {
        flow4Buckets = ExactMatchTable<ExactMatchKey32>.buckets(capacity: configuration.ipv4Flows)
        flow6Buckets = ExactMatchTable<ExactMatchKey64>.buckets(capacity: configuration.ipv6Flows)
        macBuckets = ExactMatchTable<ExactMatchKey32>.buckets(capacity: configuration.macs)
        // Three nodes a prefix leave room to load all routes anew beside those in force.
        treeNodes = configuration.routes * 3 + 1024
        // Record 0 is no route; a removed record waits for a grace period before it serves another prefix.
        routeRecords = configuration.routes + configuration.routes / 16 + 64
    }
}

/// The fast path's object in the kernel: its programs, and its tables mapped into this process.
///
/// Everything the programs read is reached through the pointers here; what is behind them is laid out in
/// `fastpath_abi.h`. They stay valid as long as the object.
final class FastPath {
    let object: LoadedObject
    let sizes: FastPathSizes
    private(set) var seeds: [[UInt64]] = []
    private let mappings: Mappings

    /// The owner of one mapped array: several of them could not be members of one throwing initialiser otherwise.
    final class Mapping {
        let array: MappedArray
        init(_ object: borrowing LoadedObject, _ map: String) throws(BPFError) {
            array = try MappedArray(object.map(map))
        }
    }

    struct Mappings {
        let settings, interfaces, ports, vlans, nextHops, groups, acl, aclCounters: Mapping
        let flow4, flow4Spill, flow6, flow6Spill, mac, macSpill, routes, routesSpill, tree, trace: Mapping

        init(_ object: borrowing LoadedObject) throws(BPFError) {
            settings = try Mapping(object, "settings")
            interfaces = try Mapping(object, "interfaces")
            ports = try Mapping(object, "ports")
            vlans = try Mapping(object, "vlans")
            nextHops = try Mapping(object, "nexthops")
            groups = try Mapping(object, "groups")
            acl = try Mapping(object, "acl")
            aclCounters = try Mapping(object, "acl_counters")
            flow4 = try Mapping(object, "flow4")
            flow4Spill = try Mapping(object, "flow4_spill")
            flow6 = try Mapping(object, "flow6")
            flow6Spill = try Mapping(object, "flow6_spill")
            mac = try Mapping(object, "mac")
            macSpill = try Mapping(object, "mac_spill")
            routes = try Mapping(object, "routes")
            routesSpill = try Mapping(object, "routes_spill")
            tree = try Mapping(object, "tree")
            trace = try Mapping(object, "trace")
        }
    }

    var settings: UnsafeMutablePointer<fp_settings> { pointer(mappings.settings) }
    var interfaces: UnsafeMutablePointer<UInt64> { pointer(mappings.interfaces) }
    var ports: UnsafeMutablePointer<fp_port> { pointer(mappings.ports) }
    var vlans: UnsafeMutablePointer<fp_vlan> { pointer(mappings.vlans) }
    var nextHops: UnsafeMutablePointer<fp_nexthop> { pointer(mappings.nextHops) }
    var groups: UnsafeMutablePointer<fp_nexthop_group> { pointer(mappings.groups) }
    var acl: UnsafeMutablePointer<fp_acl_rule> { pointer(mappings.acl) }
    var aclCounters: UnsafeMutablePointer<fp_counter> { pointer(mappings.aclCounters) }
    var routes: UnsafeMutablePointer<fp_route> { pointer(mappings.routes) }
    var routeSpills: UnsafeMutablePointer<fp_counter> { pointer(mappings.routesSpill) }
    var trace: UnsafeMutablePointer<fp_trace> { pointer(mappings.trace) }
    var tree: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: mappings.tree.array.baseAddress, count: sizes.treeNodes * 64)
    }
    var flow4: ExactMatchMemory { memory(mappings.flow4, mappings.flow4Spill) }
    var flow6: ExactMatchMemory { memory(mappings.flow6, mappings.flow6Spill) }
    var mac: ExactMatchMemory { memory(mappings.mac, mappings.macSpill) }

    /// Loads the programs into the kernel and maps their tables.
    init(_ configuration: XDPConfiguration) throws(BPFError) {
        let sizes = FastPathSizes(configuration)
        let open = try OpenObject(name: "fastpath", base64: FastpathObject.base64)
        try open.setGlobal("fp_flow4_buckets", to: UInt32(sizes.flow4Buckets))
        try open.setGlobal("fp_flow6_buckets", to: UInt32(sizes.flow6Buckets))
        try open.setGlobal("fp_mac_buckets", to: UInt32(sizes.macBuckets))
        try open.setGlobal("fp_tree_limit", to: UInt32(sizes.treeNodes))
        try open.setGlobal("fp_route_limit", to: UInt32(sizes.routeRecords))
        try open.setGlobal("fp_multi_buffer", to: UInt8(configuration.multiBuffer ? 1 : 0))
        try open.setGlobal("fp_trace", to: UInt8(configuration.trace ? 1 : 0))
        let counter = MemoryLayout<fp_counter>.stride
        for (map, bytes) in [
            ("flow4", sizes.flow4Buckets * 128), ("flow4_spill", sizes.flow4Buckets * 4 * counter),
            ("flow6", sizes.flow6Buckets * 128), ("flow6_spill", sizes.flow6Buckets * 2 * counter),
            ("mac", sizes.macBuckets * 128), ("mac_spill", sizes.macBuckets * 4 * counter),
            ("tree", sizes.treeNodes * 64), ("routes", sizes.routeRecords * MemoryLayout<fp_route>.stride),
            ("routes_spill", sizes.routeRecords * counter),
        ] {
            try open.setValueSize(UInt32(bytes), ofMap: map)
        }
        if configuration.multiBuffer {
            for program in open.programNames { try open.addFlags(.xdpHasFragments, toProgram: program) }
        }
        let object = try open.load()
        mappings = try Mappings(object)
        self.object = object
        self.sizes = sizes
        initializeSettings(configuration)
    }

    private func initializeSettings(_ configuration: XDPConfiguration) {
        settings.pointee.abi_version = UInt32(FP_ABI_VERSION)
        settings.pointee.flags = (configuration.aclDefaultDrop ? UInt32(FP_SETTING_ACL_DEFAULT_DROP) : 0)
        let perEpoch = configuration.eventsPerSecond * Int(FP_EPOCH_MILLISECONDS) / 1000
        settings.pointee.event_budget = UInt32(clamping: max(perEpoch, 1))
        settings.pointee.generation = 1
        seeds = FastPath.seeds(configuration.hashSeed)
        withUnsafeMutableBytes(of: &settings.pointee.seed) { bytes in
            let words = bytes.bindMemory(to: UInt64.self)
            for (place, word) in seeds.joined().enumerated() { words[place] = word }
        }
    }

    /// The seeds that spread flows over the members of a group, for whoever computes what the programs compute.
    var ecmpSeed: HashSeed { HashSeed(seeds[2]) }

    /// Three sets of hash seeds: first bucket, second bucket, spreading over next hops.
    static func seeds(_ seed: UInt64?) -> [[UInt64]] {
        func draw(_ generator: inout some RandomNumberGenerator) -> [[UInt64]] {
            (0..<3).map { _ in (0..<Int(FP_SEEDS)).map { _ in generator.next() } }
        }
        if let seed {
            var generator = SplitMix64(state: seed)
            return draw(&generator)
        }
        var generator = SystemRandomNumberGenerator()
        return draw(&generator)
    }

    private func pointer<T>(_ mapping: Mapping) -> UnsafeMutablePointer<T> {
        mapping.array.baseAddress.assumingMemoryBound(to: T.self)
    }

    private func memory(_ table: Mapping, _ spill: Mapping) -> ExactMatchMemory {
        ExactMatchMemory(
            buckets: UnsafeMutableRawBufferPointer(start: table.array.baseAddress, count: table.array.byteCount),
            spills: UnsafeMutableBufferPointer(
                start: pointer(spill), count: spill.array.byteCount / MemoryLayout<fp_counter>.stride),
            settings: settings)
    }
}
