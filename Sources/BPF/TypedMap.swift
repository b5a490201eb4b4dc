// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

/// A map whose keys and values have types; sizes (and BTF, where the map has it) were checked when it was made.
public struct TypedMap<Key: BitwiseCopyable, Value: BitwiseCopyable>: ~Copyable {
    public let map: BPFMap
    public var name: String { map.name }
    public var info: MapInfo { map.info }

    public init(_ map: consuming BPFMap) throws(BPFError) {
        try map.check(key: Key.self, value: Value.self)
        self.map = map
    }

    /// The value under `key`, nil if there is none. On per-CPU maps use ``lookupPerCPU(_:)``.
    public func lookup(_ key: Key) throws(BPFError) -> Value? {
        try refusePerCPU("lookup")
        return try withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) {
            value -> Result<Value?, BPFError> in
            let status = withUnsafePointer(to: key) { bpf_map_lookup_elem(map.fd, $0, value.baseAddress) }
            if status == 0 { return .success(value[0]) }
            if status == -ENOENT { return .success(nil) }
            return .failure(map.failure("bpf(BPF_MAP_LOOKUP_ELEM)", status))
        }.get()
    }

    /// Writes a value. `condition` says whether the key may or must exist.
    public func update(_ key: Key, _ value: Value, _ condition: UpdateCondition = .any) throws(BPFError) {
        try refusePerCPU("update")
        let status = withUnsafePointer(to: key) { key in
            withUnsafePointer(to: value) { value in bpf_map_update_elem(map.fd, key, value, condition.rawValue) }
        }
        if status != 0 { throw map.failure("bpf(BPF_MAP_UPDATE_ELEM)", status) }
    }

    /// Removes an entry; false if there was none.
    @discardableResult
    public func remove(_ key: Key) throws(BPFError) -> Bool {
        let status = withUnsafePointer(to: key) { bpf_map_delete_elem(map.fd, $0) }
        if status == 0 { return true }
        if status == -ENOENT { return false }
        throw map.failure("bpf(BPF_MAP_DELETE_ELEM)", status)
    }

    /// Every key, one system call each. A map that changes meanwhile may repeat or omit keys; at most
    /// `maxEntries` steps are taken, so it ends.
    public func forEachKey(_ body: (Key) throws(BPFError) -> Void) throws(BPFError) {
        let current = UnsafeMutablePointer<Key>.allocate(capacity: 2)
        defer { current.deallocate() }
        var status = bpf_map_get_next_key(map.fd, nil, current)
        var left = max(info.maxEntries, 1)
        while status == 0 && left > 0 {
            try body(current[0])
            left -= 1
            status = bpf_map_get_next_key(map.fd, current, current + 1)
            current[0] = current[1]
        }
        if status != 0 && status != -ENOENT { throw map.failure("bpf(BPF_MAP_GET_NEXT_KEY)", status) }
    }

    /// Every entry, two system calls each; ``lookupBatch(chunk:_:)`` is faster where the map can.
    public func forEach(_ body: (Key, Value) throws(BPFError) -> Void) throws(BPFError) {
        try forEachKey { key throws(BPFError) in
            if let value = try lookup(key) { try body(key, value) }
        }
    }

    /// The values of a per-CPU map's entry, one per possible CPU; nil if there is no entry.
    public func lookupPerCPU(_ key: Key) throws(BPFError) -> [Value]? {
        guard info.type.isPerCPU else {
            throw .badArgument(
                subject: "per-CPU lookup on map \(name)", found: "\(info.type)", expected: "the map must be per CPU")
        }
        let cpus = try BPFFeatures.possibleCPUs()
        let stride = (MemoryLayout<Value>.size + 7) & ~7
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: cpus * stride, alignment: 16)
        defer { buffer.deallocate() }
        let status = withUnsafePointer(to: key) { bpf_map_lookup_elem(map.fd, $0, buffer) }
        if status == -ENOENT { return nil }
        if status != 0 { throw map.failure("bpf(BPF_MAP_LOOKUP_ELEM)", status) }
        return (0..<cpus).map { buffer.loadUnaligned(fromByteOffset: $0 * stride, as: Value.self) }
    }

    /// Writes one CPU's values each of a per-CPU map's entry; `values` has one per possible CPU.
    public func updatePerCPU(_ key: Key, _ values: [Value]) throws(BPFError) {
        let cpus = try BPFFeatures.possibleCPUs()
        guard info.type.isPerCPU, values.count == cpus else {
            throw .badArgument(
                subject: "per-CPU update of map \(name) (\(info.type))", found: "\(values.count) values",
                expected: "a per-CPU map takes one for each of \(cpus) possible CPUs")
        }
        let stride = (MemoryLayout<Value>.size + 7) & ~7
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: cpus * stride, alignment: 16)
        defer { buffer.deallocate() }
        memset(buffer, 0, cpus * stride)
        for (cpu, value) in values.enumerated() {
            buffer.storeBytes(of: value, toByteOffset: cpu * stride, as: Value.self)
        }
        let status = withUnsafePointer(to: key) { bpf_map_update_elem(map.fd, $0, buffer, 0) }
        if status != 0 { throw map.failure("bpf(BPF_MAP_UPDATE_ELEM)", status) }
    }

    /// A system call on a per-CPU map moves one value per CPU and would write past a single one.
    func refusePerCPU(_ operation: String) throws(BPFError) {
        guard info.type.isPerCPU else { return }
        throw .badArgument(
            subject: "\(operation) on map \(name)", found: "\(info.type)",
            expected: "a per-CPU map takes the per-CPU operations")
    }
}

extension TypedMap: Sendable where Key: Sendable, Value: Sendable {}

/// Whether a key may exist when it is written (`BPF_ANY`, `BPF_NOEXIST`, `BPF_EXIST`).
public enum UpdateCondition: UInt64, Sendable {
    case any = 0
    case mustNotExist = 1
    case mustExist = 2
}

extension BPFMap {
    func failure(_ call: String, _ status: Int32) -> BPFError {
        .failure(call, on: info.description, KernelErrno(rawValue: -status))
    }
}
