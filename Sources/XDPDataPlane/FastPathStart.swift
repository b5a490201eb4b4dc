// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Tables

/// What a data plane starts with: the programs and tables an earlier process left, or new ones.
struct FastPathStart {
    let fastPath: FastPath
    /// Number of its pinned set; nil when nothing is pinned.
    let set: UInt32?
    let isAdopted: Bool
    /// What is not as this process would have made it, and was taken over nevertheless.
    var pendingUpgrade: String?
    /// Why a set that was found was left alone.
    var refusal: String?

    init(_ configuration: XDPConfiguration) throws(BPFError) {
        guard let directory = configuration.pinDirectory else {
            (fastPath, set, isAdopted) = (try FastPath(configuration), nil, false)
            return
        }
        try BPFFileSystem.createDirectory(directory)
        let sets = PinnedSets(directory: directory)
        sets.removeLeftovers()
        let found = sets.current()
        sets.removeUnused(except: found)
        if configuration.adopts, let found {
            switch Self.open(sets.path(found)) {
            case .success(let fastPath):
                (self.fastPath, set, isAdopted) = (fastPath, found, true)
                pendingUpgrade = try Self.difference(fastPath, configuration)
                return
            case .failure(let refusal): self.refusal = "the tables in \(sets.path(found)) were left alone: \(refusal)"
            }
        }
        let fastPath = try FastPath(configuration)
        (self.fastPath, set, isAdopted) = (fastPath, try sets.add(fastPath), false)
    }

    private struct Refusal: Error, CustomStringConvertible { var description: String }

    /// Opens a set if this process knows its layout.
    private static func open(_ path: String) -> Result<FastPath, Refusal> {
        do {
            // Before anything is mapped: what else is there may be laid out in any way.
            let version = try abiVersion(BPFMap(pinned: "\(path)/settings"))
            guard version == UInt32(FP_ABI_VERSION) else {
                let what = "they are laid out by version \(version), and this program knows \(FP_ABI_VERSION)"
                return .failure(Refusal(description: what))
            }
            let fastPath = try FastPath(pinned: path)
            if let complaint = fastPath.layoutComplaint() { return .failure(Refusal(description: complaint)) }
            return .success(fastPath)
        } catch {
            return .failure(Refusal(description: "\(error)"))
        }
    }

    private static func abiVersion(_ settings: borrowing BPFMap) throws(BPFError) -> UInt32 {
        let place = MemoryLayout<fp_settings>.offset(of: \.abi_version) ?? 0
        let mapped = try MappedArray(settings, writable: false)
        guard mapped.byteCount >= place + 4 else { return 0 }
        return mapped.baseAddress.loadUnaligned(fromByteOffset: place, as: UInt32.self)
    }

    /// What this process would have made otherwise.
    private static func difference(_ found: FastPath, _ asked: XDPConfiguration) throws(BPFError) -> String? {
        var differences: [String] = []
        let there = found.sizes.capacities(for: asked)
        for (what, found, wanted) in [
            ("IPv4 flows", there.ipv4Flows, asked.ipv4Flows), ("IPv6 flows", there.ipv6Flows, asked.ipv6Flows),
            ("stations", there.macs, asked.macs), ("routes", there.routes, asked.routes),
        ] where found != wanted {
            differences.append("room for \(found) \(what) in place of \(wanted)")
        }
        // Programs of other sizes are another build as well.
        let image = try FastPath.image(for: asked)
        if found.build != FastPath.build(of: image.bytes, there) {
            differences.append("programs of another build")
        }
        if let seed = asked.hashSeed, found.seeds != FastPath.seeds(seed) { differences.append("another hash seed") }
        return differences.isEmpty ? nil : differences.joined(separator: ", ")
    }
}

extension FastPath {
    /// Why these maps cannot be worked on; nil if they can.
    func layoutComplaint() -> String? {
        let counter = MemoryLayout<fp_counter>.stride
        var expected: [(String, Int)] = [
            ("settings", MemoryLayout<fp_settings>.stride),
            ("interfaces", Int(FP_IFINDEX_SLOTS + FP_IFINDEX_PROBES) * 8),
            ("ports", MemoryLayout<fp_port>.stride * Int(FP_PORT_RECORDS)),
            ("vlans", MemoryLayout<fp_vlan>.stride * Int(FP_MAX_VLANS)),
            ("nexthops", MemoryLayout<fp_nexthop>.stride * Int(FP_MAX_NEXTHOPS)),
            ("groups", MemoryLayout<fp_nexthop_group>.stride * Int(FP_MAX_NEXTHOP_GROUPS)),
            ("acl", MemoryLayout<fp_acl_rule>.stride * Int(FP_MAX_ACL_RULES) * 2),
            ("acl_counters", counter * Int(FP_MAX_ACL_RULES) * 2), ("trace", MemoryLayout<fp_trace>.stride),
        ]
        expected += sizes.valueSizes.map { ($0.map, $0.bytes) }
        for (map, bytes) in expected {
            let found = valueSize(of: map)
            if found != bytes { return "map \(map) has \(found) bytes, and \(bytes) are right" }
        }
        let least = (sizes.flow4Buckets, sizes.flow6Buckets, sizes.macBuckets)
        if least.0 < 4 || least.1 < 4 || least.2 < 4 || sizes.treeNodes < 1024 || sizes.routeRecords < 64 {
            return "its tables are smaller than any this program makes"
        }
        return nil
    }
}
