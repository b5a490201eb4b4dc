// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

/// A map in the kernel. Owns a descriptor; entries are bytes here, typed in ``TypedMap``.
public struct BPFMap: ~Copyable, Sendable {
    let descriptor: FileDescriptor
    public let info: MapInfo
    public var id: UInt32 { info.id }
    public var name: String { info.name }
    var fd: Int32 { descriptor.raw }

    init(_ descriptor: consuming FileDescriptor, name: String? = nil) throws(BPFError) {
        var info = try MapInfo(fd: descriptor.raw)
        // The kernel keeps 15 characters.
        if let name { info.name = name }
        self.info = info
        self.descriptor = descriptor
    }

    /// Creates a map without an object file; it has no BTF.
    public init(
        name: String, type: MapType, keySize: UInt32, valueSize: UInt32, maxEntries: UInt32, flags: UInt32 = 0
    ) throws(BPFError) {
        var options = bpf_map_create_opts()
        options.sz = MemoryLayout<bpf_map_create_opts>.size
        options.map_flags = flags
        let fd = bpf_map_create(bpf_map_type(type.rawValue), name, keySize, valueSize, maxEntries, &options)
        guard fd >= 0 else {
            throw .failure(
                "bpf(BPF_MAP_CREATE)",
                on: "map \(name) (\(type), \(keySize)-byte keys, \(valueSize)-byte values, \(maxEntries) entries)",
                KernelErrno(rawValue: -fd))
        }
        try self.init(FileDescriptor(owning: fd), name: name)
    }

    /// Opens a pinned map.
    public init(pinned path: String) throws(BPFError) {
        try self.init(BPFFileSystem.open(path, kind: .map))
    }

    /// Opens a map by the kernel's id (needs CAP_SYS_ADMIN).
    public init(id: UInt32) throws(BPFError) {
        let fd = bpf_map_get_fd_by_id(id)
        guard fd >= 0 else { throw .failure("bpf(BPF_MAP_GET_FD_BY_ID)", on: "map \(id)", needing: [.sysAdmin]) }
        try self.init(FileDescriptor(owning: fd))
    }

    /// A second owner of the same map.
    public func duplicate() throws(BPFError) -> BPFMap {
        try BPFMap(FileDescriptor(duplicating: fd, of: name), name: name)
    }

    /// Makes the map reachable by a path on a BPF file system; it then survives this process.
    public func pin(at path: String) throws(BPFError) { try BPFFileSystem.pin(fd, "map \(name)", at: path) }

    /// Checks key and value types against the map: sizes always, and struct names and sizes where BTF is there.
    public func check<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        key: Key.Type, value: Value.Type
    ) throws(BPFError) {
        try checkSize("key size", MemoryLayout<Key>.size, MemoryLayout<Key>.stride, info.keySize)
        try checkSize("value size", MemoryLayout<Value>.size, MemoryLayout<Value>.stride, info.valueSize)
        guard info.btfID != 0, let btf = btf__load_from_kernel_by_id(info.btfID) else { return }
        defer { btf__free(btf) }
        try checkLayout(btf, info.btfKeyType, "key", Key.self)
        try checkLayout(btf, info.btfValueType, "value", Value.self)
    }

    private func checkSize(_ subject: String, _ size: Int, _ stride: Int, _ found: UInt32) throws(BPFError) {
        guard size == Int(found) else {
            throw .layoutMismatch(map: name, subject: subject, expected: "\(size) bytes", found: "\(found) bytes")
        }
        guard size == stride else {
            throw .badArgument(
                subject: "the Swift type for the \(subject) of map \(name)",
                found: "\(size) bytes in steps of \(stride)",
                expected: "its size must be a multiple of its alignment; take a type imported from C")
        }
    }

    private func checkLayout<T>(_ btf: OpaquePointer, _ id: UInt32, _ subject: String, _ type: T.Type) throws(BPFError)
    {
        guard id != 0, let layout = BTFTypes.layout(btf, id) else { return }
        guard layout.size == MemoryLayout<T>.size else {
            throw .layoutMismatch(
                map: name, subject: "\(subject) in BTF", expected: "\(T.self) of \(MemoryLayout<T>.size) bytes",
                found: "\(layout.structName) of \(layout.size) bytes")
        }
        // A type imported from C carries its C name; a Swift type or a scalar says nothing about names.
        let full = String(reflecting: type)
        guard full.hasPrefix("__C."), !layout.structName.isEmpty else { return }
        let swiftName = String(full.dropFirst("__C.".count))
        guard swiftName == layout.structName else {
            throw .layoutMismatch(
                map: name, subject: "\(subject) in BTF", expected: "struct \(swiftName)",
                found: "struct \(layout.structName)")
        }
    }
}

/// `enum bpf_map_type`; any number is possible, the ones used here have names.
public struct MapType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let hash = MapType(rawValue: 1)
    public static let array = MapType(rawValue: 2)
    public static let programArray = MapType(rawValue: 3)
    public static let perCPUHash = MapType(rawValue: 5)
    public static let perCPUArray = MapType(rawValue: 6)
    public static let lruHash = MapType(rawValue: 9)
    public static let lruPerCPUHash = MapType(rawValue: 10)
    public static let longestPrefixTrie = MapType(rawValue: 11)
    public static let deviceMap = MapType(rawValue: 14)
    public static let cpuMap = MapType(rawValue: 16)
    public static let xskMap = MapType(rawValue: 17)
    public static let deviceMapHash = MapType(rawValue: 25)
    public static let ringBuffer = MapType(rawValue: 27)

    /// Whether a lookup by system call returns a value per possible CPU.
    public var isPerCPU: Bool { self == .perCPUHash || self == .perCPUArray || self == .lruPerCPUHash }

    public var description: String {
        guard let text = libbpf_bpf_map_type_str(bpf_map_type(rawValue)) else { return "type \(rawValue)" }
        return String(cString: text)
    }
}

/// What the kernel says of a map.
public struct MapInfo: Sendable, Hashable, CustomStringConvertible {
    public var id: UInt32
    public var name: String
    public var type: MapType
    /// Bytes.
    public var keySize: UInt32
    /// Bytes; of one CPU's value in per-CPU maps.
    public var valueSize: UInt32
    public var maxEntries: UInt32
    /// `BPF_F_…` of BPF_MAP_CREATE.
    public var flags: UInt32
    /// `flags` without what the kernel adds of its own: BPF_F_RDONLY_PROG for device maps (kernel/bpf/devmap.c).
    var givenFlags: UInt32 { type == .deviceMap || type == .deviceMapHash ? flags & ~(1 << 7) : flags }
    /// How a map like this one is made.
    public var declaration: MapDeclaration {
        MapDeclaration(type: type, keySize: keySize, valueSize: valueSize, maxEntries: maxEntries, flags: givenFlags)
    }
    var btfID: UInt32
    var btfKeyType: UInt32
    var btfValueType: UInt32

    init(fd: Int32) throws(BPFError) {
        var info = bpf_map_info()
        var length = UInt32(MemoryLayout<bpf_map_info>.size)
        guard bpf_obj_get_info_by_fd(fd, &info, &length) == 0 else {
            throw .failure("bpf(BPF_OBJ_GET_INFO_BY_FD)", on: "map descriptor \(fd)")
        }
        id = info.id
        name = fixedString(info.name)
        type = MapType(rawValue: info.type)
        keySize = info.key_size
        valueSize = info.value_size
        maxEntries = info.max_entries
        flags = info.map_flags
        btfID = info.btf_id
        btfKeyType = info.btf_key_type_id
        btfValueType = info.btf_value_type_id
    }

    public var description: String { "map \(id) \(name) (\(type), \(keySize)+\(valueSize) bytes × \(maxEntries))" }
}
