// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Glibc
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
    /// The fast path's program; nil for the one that is part of this program.
    public var image: FastPathImage?
    /// Take over what an earlier process left pinned there; otherwise its links, once a port is bound to them, and no more.
    public var adopts = true

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

/// Sizes of the mapped tables: those a configuration asks for, or those of tables that are there.
struct FastPathSizes: Equatable {
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

    fileprivate init(_ maps: [String: FastPath.MapOwner]) {
        func elements(_ map: String, of bytes: Int) -> Int { Int(maps[map]?.map.info.valueSize ?? 0) / bytes }
        flow4Buckets = elements("flow4", of: 128)
        flow6Buckets = elements("flow6", of: 128)
        macBuckets = elements("mac", of: 128)
        treeNodes = elements("tree", of: 64)
        routeRecords = elements("routes", of: MemoryLayout<fp_route>.stride)
    }

    /// Bytes of the maps whose sizes are set before loading.
    var valueSizes: [(map: String, bytes: Int)] {
        let counter = MemoryLayout<fp_counter>.stride
        return [
            ("flow4", flow4Buckets * 128), ("flow4_spill", flow4Buckets * 4 * counter),
            ("flow6", flow6Buckets * 128), ("flow6_spill", flow6Buckets * 2 * counter),
            ("mac", macBuckets * 128), ("mac_spill", macBuckets * 4 * counter),
            ("tree", treeNodes * 64), ("routes", routeRecords * MemoryLayout<fp_route>.stride),
            ("routes_spill", routeRecords * counter),
        ]
    }

    /// The configuration with the numbers of entries that tables of these sizes take; as it is where it asks for just these.
    func capacities(for configuration: XDPConfiguration) -> XDPConfiguration {
        var result = configuration
        let asked = FastPathSizes(configuration)
        if asked.flow4Buckets != flow4Buckets { result.ipv4Flows = flow4Buckets * 4 * 4 / 5 }
        if asked.flow6Buckets != flow6Buckets { result.ipv6Flows = flow6Buckets * 2 * 4 / 5 }
        if asked.macBuckets != macBuckets { result.macs = macBuckets * 4 * 4 / 5 }
        if asked.treeNodes != treeNodes || asked.routeRecords != routeRecords {
            // The most that need neither more nodes nor more records than there are.
            var routes = (routeRecords - 64) * 16 / 17
            while routes + 1 + (routes + 1) / 16 + 64 <= routeRecords { routes += 1 }
            result.routes = min((treeNodes - 1024) / 3, routes)
        }
        return result
    }
}

/// The fast path in the kernel: its programs, and its tables mapped into this process. Loaded by this process, or opened from
/// the pins an earlier one left.
///
/// Everything the programs read is reached through the pointers here; what is behind them is laid out in
/// `fastpath_abi.h`. They stay valid as long as the object.
final class FastPath {
    /// Programs by their names in `fastpath.bpf.c`, which are their pins' names too.
    static let programNames = ["xdp_fastpath", "xdp_resume", "xdp_flood_egress"]
    /// Maps that this process works on, by their pins' names. An object may have more; they are pinned like these.
    static let mapNames = [
        "settings", "interfaces", "ports", "vlans", "nexthops", "groups", "acl", "acl_counters", "flow4", "flow4_spill",
        "flow6", "flow6_spill", "mac", "mac_spill", "routes", "routes_spill", "tree", "trace", "verdicts",
        "event_budgets", "events", "packets", "tx_ports", "flood_ports", "chain", constants,
    ]
    /// The programs' constants; never shared between two loads.
    static let constants = "rodata"
    /// Maps whose sizes follow from the configuration: their content can be moved into others.
    static let sizedMaps = [
        "flow4", "flow4_spill", "flow6", "flow6_spill", "mac", "mac_spill", "routes", "routes_spill", "tree",
    ]
    /// Maps that a program which is to work on the same tables must have just so.
    static var fixedMaps: [String] { mapNames.filter { !sizedMaps.contains($0) && $0 != constants } }
    /// Constants that are set before loading, and their bytes.
    static let constantSizes = [
        ("fp_flow4_buckets", 4), ("fp_flow6_buckets", 4), ("fp_mac_buckets", 4), ("fp_tree_limit", 4),
        ("fp_route_limit", 4), ("fp_multi_buffer", 1), ("fp_trace", 1), ("fp_build", 8), ("fp_image", 32),
    ].map { (name: $0.0, bytes: $0.1) }

    let sizes: FastPathSizes
    /// Digest of the image and the constants that the programs were loaded with; what `build(of:_:)` gives for the same.
    let build: UInt64
    /// SHA-256 of the image, in words in the order of its bytes.
    let imageWords: [UInt64]
    /// Maps that this load made, and did not take from another. Empty for pins that were opened.
    let created: Set<String>
    /// As they were when the tables were made or found; others may write where they came from.
    private(set) var seeds: [[UInt64]] = []
    private(set) var nameKey: (UInt64, UInt64) = (0, 0)
    private(set) var marker: UInt64 = 0
    private let maps: [String: MapOwner]
    private let programs: [String: ProgramOwner]
    private let mappings: Mappings

    /// Owners, so that a dictionary can hold what cannot be copied.
    final class MapOwner {
        let map: BPFMap
        init(_ map: consuming BPFMap) { self.map = map }
    }

    final class ProgramOwner {
        let program: Program
        init(_ program: consuming Program) { self.program = program }
    }

    /// The owner of one mapped array: several of them could not be members of one throwing initialiser otherwise.
    final class Mapping {
        let array: MappedArray
        init(_ maps: [String: MapOwner], _ map: String) throws(BPFError) {
            guard let owner = maps[map] else {
                throw .notFound(kind: "map", name: map, object: "fastpath", available: maps.keys.sorted())
            }
            array = try MappedArray(owner.map)
        }
    }

    struct Mappings {
        let settings, interfaces, ports, vlans, nextHops, groups, acl, aclCounters: Mapping
        let flow4, flow4Spill, flow6, flow6Spill, mac, macSpill, routes, routesSpill, tree, trace: Mapping

        /// - Parameter former: mappings to share, except of the maps that were created: what points into them stays valid.
        init(_ maps: [String: MapOwner], _ former: (mappings: Mappings, created: Set<String>)?) throws(BPFError) {
            func mapping(_ map: String, _ same: KeyPath<Mappings, Mapping>) throws(BPFError) -> Mapping {
                if let former, !former.created.contains(map) { return former.mappings[keyPath: same] }
                return try Mapping(maps, map)
            }
            settings = try mapping("settings", \.settings)
            interfaces = try mapping("interfaces", \.interfaces)
            ports = try mapping("ports", \.ports)
            vlans = try mapping("vlans", \.vlans)
            nextHops = try mapping("nexthops", \.nextHops)
            groups = try mapping("groups", \.groups)
            acl = try mapping("acl", \.acl)
            aclCounters = try mapping("acl_counters", \.aclCounters)
            flow4 = try mapping("flow4", \.flow4)
            flow4Spill = try mapping("flow4_spill", \.flow4Spill)
            flow6 = try mapping("flow6", \.flow6)
            flow6Spill = try mapping("flow6_spill", \.flow6Spill)
            mac = try mapping("mac", \.mac)
            macSpill = try mapping("mac_spill", \.macSpill)
            routes = try mapping("routes", \.routes)
            routesSpill = try mapping("routes_spill", \.routesSpill)
            tree = try mapping("tree", \.tree)
            trace = try mapping("trace", \.trace)
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

    // MARK: Loading

    /// Loads the programs into the kernel and maps their tables.
    /// - Parameters:
    ///   - former: take its maps over, except those that would be of another type or size (`created` names them) and the
    ///     constants. With its `settings` come its seeds and generation.
    convenience init(
        _ configuration: XDPConfiguration, reusing former: FastPath? = nil
    ) throws(BPFError) {
        let sizes = FastPathSizes(configuration)
        let image = try Self.image(for: configuration)
        let build = Self.build(of: image.bytes, configuration)
        let open = try OpenObject(name: "fastpath", image: image.bytes)
        try open.setGlobal("fp_flow4_buckets", to: UInt32(sizes.flow4Buckets))
        try open.setGlobal("fp_flow6_buckets", to: UInt32(sizes.flow6Buckets))
        try open.setGlobal("fp_mac_buckets", to: UInt32(sizes.macBuckets))
        try open.setGlobal("fp_tree_limit", to: UInt32(sizes.treeNodes))
        try open.setGlobal("fp_route_limit", to: UInt32(sizes.routeRecords))
        try open.setGlobal("fp_multi_buffer", to: UInt8(configuration.multiBuffer ? 1 : 0))
        try open.setGlobal("fp_trace", to: UInt8(configuration.trace ? 1 : 0))
        try open.setGlobal("fp_build", to: build)
        var digest = fp_image_digest()
        digest.words = (image.words[0], image.words[1], image.words[2], image.words[3])
        try open.setGlobal("fp_image", to: digest)
        for (map, bytes) in sizes.valueSizes { try open.setValueSize(UInt32(bytes), ofMap: map) }
        if configuration.multiBuffer {
            for program in open.programNames { try open.addFlags(.xdpHasFragments, toProgram: program) }
        }
        var created: Set<String> = []
        for map in open.mapNames {
            guard let pin = Self.pinName(map) else { continue }
            if pin != Self.constants, let existing = former?.maps[pin],
                try Self.agrees(existing.map, with: map, of: open)
            {
                try open.reuse(existing.map, asMap: map)
            } else {
                created.insert(pin)
            }
        }
        let object = try open.load()
        var maps: [String: MapOwner] = [:]
        for map in object.mapNames {
            guard let pin = Self.pinName(map) else { continue }
            maps[pin] = MapOwner(try object.map(pin == Self.constants ? ".rodata" : map))
        }
        var programs: [String: ProgramOwner] = [:]
        for program in object.programNames { programs[program] = ProgramOwner(try object.program(program)) }
        try self.init(maps, programs, build: build, image: image.words, created: created, former: former)
        if created.contains("settings") { initializeSettings(configuration) }
        takeIdentity()
        if created.contains("chain") {
            // Where a chain of others' programs comes back to.
            try map("chain").setProgram(program("xdp_resume"), at: UInt32(FP_CHAIN_SLOTS) - 1)
        }
    }

    private static func agrees(
        _ existing: borrowing BPFMap, with map: String, of object: borrowing OpenObject
    ) throws(BPFError) -> Bool {
        // A ring is read by whoever reads it now, whatever size this object would give it.
        if existing.info.type == .ringBuffer { return true }
        return try object.agrees(existing, asMap: map)
    }

    /// Opens what an earlier process left pinned in a directory, as it is.
    convenience init(pinned directory: String) throws(BPFError) {
        var maps: [String: MapOwner] = [:]
        for name in Self.mapNames { maps[name] = MapOwner(try BPFMap(pinned: "\(directory)/\(name)")) }
        var programs: [String: ProgramOwner] = [:]
        for name in Self.programNames {
            programs[name] = ProgramOwner(try Program(pinned: "\(directory)/\(name)"))
        }
        // What only the programs use is kept with the rest.
        for name in BPFFileSystem.names(in: directory) where maps[name] == nil && programs[name] == nil {
            if let owner = Self.owner(ofMapAt: "\(directory)/\(name)") { maps[name] = owner }
        }
        guard let constants = maps[Self.constants] else {
            throw .notFound(kind: "map", name: Self.constants, object: directory, available: maps.keys.sorted())
        }
        let digest = try constants.map.global("fp_image", as: fp_image_digest.self).words
        try self.init(
            maps, programs, build: constants.map.global("fp_build", as: UInt64.self),
            image: [digest.0, digest.1, digest.2, digest.3], created: [], former: nil)
        takeIdentity()
    }

    private static func owner(ofMapAt path: String) -> MapOwner? {
        do { return MapOwner(try BPFMap(pinned: path)) } catch { return nil }
    }

    private init(
        _ maps: [String: MapOwner], _ programs: [String: ProgramOwner], build: UInt64, image: [UInt64],
        created: Set<String>, former: FastPath?
    ) throws(BPFError) {
        mappings = try Mappings(maps, former.map { ($0.mappings, created) })
        sizes = FastPathSizes(maps)
        (self.maps, self.programs, self.build, self.created) = (maps, programs, build, created)
        imageWords = image
    }

    /// The object file built into this program.
    static func embeddedImage() throws(BPFError) -> [UInt8] {
        try OpenObject.image(name: "fastpath", base64: FastpathObject.base64)
    }

    /// The object file that a configuration asks for.
    static func image(for configuration: XDPConfiguration) throws(BPFError) -> FastPathImage {
        if let image = configuration.image { return image }
        do { return try FastPathImage.embedded.get() } catch {
            throw .badImage(object: "fastpath", reason: error.description)
        }
    }

    /// What stands for an image and the constants it is loaded with: FNV-1a, 64 bits. Not 0, which is "unknown".
    static func build(of image: [UInt8], _ configuration: XDPConfiguration) -> UInt64 {
        var digest: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ byte: UInt8) { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01b3 }
        for byte in image { add(byte) }
        let sizes = FastPathSizes(configuration)
        for number in [
            sizes.flow4Buckets, sizes.flow6Buckets, sizes.macBuckets, sizes.treeNodes, sizes.routeRecords,
            configuration.multiBuffer ? 1 : 0, configuration.trace ? 1 : 0,
        ] {
            for shift in stride(from: 0, to: 64, by: 8) { add(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        return max(digest, 1)
    }

    /// The name of a map's pin: its own, without the dots a BPF file system does not allow. nil for what is not pinned.
    static func pinName(_ map: String) -> String? {
        if map.hasSuffix(".rodata") { return constants }
        return map.contains(".") ? nil : map
    }

    /// Pins everything in an existing directory, each by its name.
    func pin(in directory: String) throws(BPFError) {
        for (name, _, _) in pins { try pin(name, in: directory) }
    }

    // MARK: Maps and programs

    /// A map by its pin's name.
    func map(_ name: String) throws(BPFError) -> BPFMap {
        guard let owner = maps[name] else {
            throw .notFound(kind: "map", name: name, object: "fastpath", available: maps.keys.sorted())
        }
        return try owner.map.duplicate()
    }

    /// How a map was made.
    func declaration(of map: String) -> MapDeclaration? { maps[map]?.map.info.declaration }

    func map<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        _ name: String, key: Key.Type, value: Value.Type
    ) throws(BPFError) -> TypedMap<Key, Value> {
        try TypedMap(map(name))
    }

    func program(_ name: String) throws(BPFError) -> Program { try owner(ofProgram: name).program.duplicate() }

    func owner(ofProgram name: String) throws(BPFError) -> ProgramOwner {
        guard let owner = programs[name] else {
            throw .notFound(kind: "program", name: name, object: "fastpath", available: programs.keys.sorted())
        }
        return owner
    }

    /// What the kernel says of a program.
    func programInfo(_ name: String) -> ProgramInfo? { programs[name]?.program.info }

    /// Bytes of a map's value; 0 if there is no such map.
    func valueSize(of map: String) -> Int { Int(maps[map]?.map.info.valueSize ?? 0) }

    /// Everything that is pinned, by its pin's name, with the kernel's id.
    var pins: [(name: String, isProgram: Bool, id: UInt32)] {
        maps.map { ($0.key, false, $0.value.map.id) } + programs.map { ($0.key, true, $0.value.program.id) }
    }

    /// Pins one map or program in an existing directory.
    func pin(_ name: String, in directory: String) throws(BPFError) {
        if let owner = maps[name] { try owner.map.pin(at: "\(directory)/\(name)") }
        if let owner = programs[name] { try owner.program.pin(at: "\(directory)/\(name)") }
    }

    /// The kernel's id of a program; 0 if there is none of this name.
    func programID(_ name: String) -> UInt32 { programs[name]?.program.id ?? 0 }

    // MARK: Settings

    private func initializeSettings(_ configuration: XDPConfiguration) {
        settings.pointee.abi_version = UInt32(FP_ABI_VERSION)
        settings.pointee.flags = (configuration.aclDefaultDrop ? UInt32(FP_SETTING_ACL_DEFAULT_DROP) : 0)
        settings.pointee.event_budget = Self.eventBudget(configuration)
        settings.pointee.generation = 1
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        settings.pointee.created = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        let (seeds, nameKey) = Self.keys(configuration.hashSeed)
        withUnsafeMutableBytes(of: &settings.pointee.seed) { bytes in
            let words = bytes.bindMemory(to: UInt64.self)
            for (place, word) in seeds.joined().enumerated() { words[place] = word }
        }
        settings.pointee.name_key = nameKey
    }

    /// Events a port may report in an epoch.
    static func eventBudget(_ configuration: XDPConfiguration) -> UInt32 {
        UInt32(clamping: max(configuration.eventsPerSecond * Int(FP_EPOCH_MILLISECONDS) / 1000, 1))
    }

    private func takeIdentity() {
        withUnsafeBytes(of: settings.pointee.seed) { bytes in
            let words = Array(bytes.bindMemory(to: UInt64.self))
            seeds = stride(from: 0, to: words.count, by: Int(FP_SEEDS)).map { Array(words[$0..<$0 + Int(FP_SEEDS)]) }
        }
        nameKey = settings.pointee.name_key
        marker = settings.pointee.created
    }

    /// The seeds that spread flows over the members of a group, for whoever computes what the programs compute.
    var ecmpSeed: HashSeed { HashSeed(seeds[2]) }

    /// Three sets of hash seeds: first bucket, second bucket, spreading over next hops.
    static func seeds(_ seed: UInt64?) -> [[UInt64]] { keys(seed).seeds }

    /// Hash seeds, and the key of names.
    private static func keys(_ seed: UInt64?) -> (seeds: [[UInt64]], nameKey: (UInt64, UInt64)) {
        func draw(_ generator: inout some RandomNumberGenerator) -> ([[UInt64]], (UInt64, UInt64)) {
            let seeds = (0..<3).map { _ in (0..<Int(FP_SEEDS)).map { _ in generator.next() } }
            return (seeds, (generator.next(), generator.next()))
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
