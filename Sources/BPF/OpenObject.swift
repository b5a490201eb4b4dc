// SPDX-License-Identifier: Apache-2.0
import CBPF
import CLinux
import Glibc

/// A BPF object file that was parsed and is not in the kernel yet: maps, constants and flags can still be set.
public struct OpenObject: ~Copyable {
    public let name: String
    let handle: OpaquePointer

    /// Parses an ELF object.
    /// - Parameter name: appears in errors and, cut to 8 characters, in the kernel's names of data sections.
    public init(name: String, image: [UInt8]) throws(BPFError) {
        let (handle, errno, text) = LibbpfLog.capture {
            name.withCString { cName in
                var options = bpf_object_open_opts()
                // Without the padding at the end, which Swift leaves as it is and the library wants to be zero.
                options.sz =
                    MemoryLayout.offset(of: \bpf_object_open_opts.kernel_log_level).map {
                        $0 + MemoryLayout<UInt32>.size
                    } ?? 0
                options.object_name = cName
                return image.withUnsafeBytes { bpf_object__open_mem($0.baseAddress, $0.count, &options) }
            }
        }
        guard let handle else {
            throw .badImage(object: name, reason: text.isEmpty ? errno.description : text)
        }
        self.name = name
        self.handle = handle
    }

    /// Parses an object embedded by the build as base64 (`enum …Object { static let base64 }`).
    public init(name: String, base64: StaticString) throws(BPFError) {
        try self.init(name: name, image: Self.image(name: name, base64: base64))
    }

    /// The object file that the build embedded as base64.
    public static func image(name: String, base64: StaticString) throws(BPFError) -> [UInt8] {
        let text = UnsafeBufferPointer(start: base64.utf8Start, count: base64.utf8CodeUnitCount)
        guard let image = Base64.decode(text) else { throw .badImage(object: name, reason: "not base64") }
        return image
    }

    deinit { bpf_object__close(handle) }

    /// Names of the programs, in file order.
    public var programNames: [String] { ObjectWalk.programs(handle).map(ObjectWalk.name) }
    /// Names of the maps, data sections included, in file order.
    public var mapNames: [String] { ObjectWalk.maps(handle).map(ObjectWalk.mapName) }

    // MARK: Maps

    /// How a map would be created.
    public func declaration(ofMap map: String) throws(BPFError) -> MapDeclaration {
        let map = try self.map(map)
        return MapDeclaration(
            type: MapType(rawValue: bpf_map__type(map).rawValue), keySize: bpf_map__key_size(map),
            valueSize: bpf_map__value_size(map), maxEntries: bpf_map__max_entries(map), flags: bpf_map__map_flags(map))
    }

    /// Sets how many entries a map has room for.
    public func setMaxEntries(_ count: UInt32, ofMap map: String) throws(BPFError) {
        let map = try self.map(map)
        try check(bpf_map__set_max_entries(map, count), "bpf_map__set_max_entries", ObjectWalk.mapName(map))
    }

    /// Sets the bytes of a value; only for maps whose program does not depend on it.
    public func setValueSize(_ bytes: UInt32, ofMap map: String) throws(BPFError) {
        let map = try self.map(map)
        try check(bpf_map__set_value_size(map, bytes), "bpf_map__set_value_size", ObjectWalk.mapName(map))
    }

    /// Adds flags (`BPF_F_…`, include/uapi/linux/bpf.h) to a map's own.
    public func addFlags(_ flags: UInt32, toMap map: String) throws(BPFError) {
        let map = try self.map(map)
        try check(
            bpf_map__set_map_flags(map, bpf_map__map_flags(map) | flags), "bpf_map__set_map_flags",
            ObjectWalk.mapName(map))
    }

    /// Uses an existing map of the kernel instead of creating one. Type, sizes and flags must be the same.
    public func reuse(_ existing: borrowing BPFMap, asMap map: String) throws(BPFError) {
        let map = try self.map(map)
        let info = existing.info
        func same(_ subject: String, _ wanted: UInt32, _ found: UInt32) throws(BPFError) {
            guard wanted == found else {
                throw .layoutMismatch(map: info.name, subject: subject, expected: "\(wanted)", found: "\(found)")
            }
        }
        try same("type", bpf_map__type(map).rawValue, info.type.rawValue)
        try same("key size", bpf_map__key_size(map), info.keySize)
        try same("value size", bpf_map__value_size(map), info.valueSize)
        try same("flags", bpf_map__map_flags(map), info.givenFlags)
        try check(bpf_map__reuse_fd(map, existing.fd), "bpf_map__reuse_fd", info.name)
    }

    /// Whether an existing map is as this one would be created: type, sizes, number of entries and flags.
    public func agrees(_ existing: borrowing BPFMap, asMap map: String) throws(BPFError) -> Bool {
        try declaration(ofMap: map) == existing.info.declaration
    }

    // MARK: Programs

    /// Adds load flags, such as ``ProgramFlags/xdpHasFragments``.
    public func addFlags(_ flags: ProgramFlags, toProgram program: String) throws(BPFError) {
        let program = try self.program(program)
        try check(
            bpf_program__set_flags(program, bpf_program__flags(program) | flags.rawValue), "bpf_program__set_flags",
            ObjectWalk.name(program))
    }

    /// Sets where the program will be attached (`enum bpf_attach_type`), when its section name does not say.
    public func setExpectedAttachType(_ type: ProgramAttachType, ofProgram program: String) throws(BPFError) {
        let program = try self.program(program)
        try check(
            bpf_program__set_expected_attach_type(program, bpf_attach_type(type.rawValue)),
            "bpf_program__set_expected_attach_type", ObjectWalk.name(program))
    }

    /// Leaves a program out when the object is loaded, or puts it back.
    public func setLoads(_ loads: Bool, program: String) throws(BPFError) {
        let program = try self.program(program)
        try check(bpf_program__set_autoload(program, loads), "bpf_program__set_autoload", ObjectWalk.name(program))
    }

    // MARK: Load

    /// Creates the maps, passes the programs through the verifier and takes everything over.
    ///
    /// Throws ``BPFError/verifierRejected(program:object:errno:log:library:)`` with the whole log, or
    /// ``BPFError/missingCapability(call:object:missing:)``.
    public consuming func load() throws(BPFError) -> LoadedObject {
        let programs = ObjectWalk.programs(handle).filter { bpf_program__autoload($0) }
        let logs = VerifierLogs(programs: programs)
        let handle = self.handle
        let (status, _, text) = LibbpfLog.capture { bpf_object__load(handle) }
        guard status == 0 else {
            throw Self.loadFailure(object: name, status: status, text: text, logs: logs)
        }
        logs.detach(from: programs)
        return LoadedObject(self)
    }

    private static func loadFailure(
        object: String, status: Int32, text: String, logs: borrowing VerifierLogs
    ) -> BPFError {
        let errno = KernelErrno(rawValue: -status)
        if let (program, log) = logs.firstNotEmpty() {
            return .verifierRejected(program: program, object: object, errno: errno, log: log, library: text)
        }
        // CAP_PERFMON is asked of tracing programs only: named when nothing else is missing.
        let usual: [Capability] = [.bpf, .netAdmin]
        let needing = Capability.missing(of: usual).isEmpty ? [.perfmon] : usual
        return .failure("bpf_object__load", on: object, errno, needing: needing, detail: text)
    }

    private func check(_ status: Int32, _ call: String, _ object: String) throws(BPFError) {
        guard status == 0 else { throw .failure(call, on: object, KernelErrno(rawValue: -status)) }
    }

    func map(_ name: String) throws(BPFError) -> OpaquePointer {
        try ObjectWalk.map(handle, named: name, object: self.name)
    }

    func program(_ name: String) throws(BPFError) -> OpaquePointer {
        try ObjectWalk.program(handle, named: name, object: self.name)
    }
}

/// What a map is made by: type, sizes, number of entries and flags.
public struct MapDeclaration: Hashable, Sendable, CustomStringConvertible {
    public var type: MapType
    /// Bytes.
    public var keySize: UInt32
    /// Bytes; of one CPU's value in per-CPU maps.
    public var valueSize: UInt32
    public var maxEntries: UInt32
    /// `BPF_F_…` of BPF_MAP_CREATE.
    public var flags: UInt32

    public var description: String {
        "\(type), \(keySize)-byte keys, \(valueSize)-byte values, \(maxEntries) entries, flags 0x"
            + String(flags, radix: 16)
    }
}

/// Flags of BPF_PROG_LOAD.
public struct ProgramFlags: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// `BPF_F_XDP_HAS_FRAGS`: the program copes with packets of several buffers.
    public static let xdpHasFragments = ProgramFlags(rawValue: 1 << 5)
}

/// Where an XDP program is meant to run (`enum bpf_attach_type`).
public enum ProgramAttachType: UInt32, Sendable {
    case xdpDevmap = 35
    case xdp = 37
    case xdpCPUmap = 38
}

/// A verifier log buffer for every program of an object, in one lazily backed mapping.
///
/// The kernel touches only the pages it writes, so room for any log costs nothing until a program is refused.
private struct VerifierLogs: ~Copyable {
    private let base: UnsafeMutableRawPointer
    private let length: Int
    private let slice: Int
    private let names: [String]

    init(programs: [OpaquePointer]) {
        names = programs.map(ObjectWalk.name)
        // The kernel takes at most UINT_MAX / 4 bytes per log.
        var slice = 256 << 20
        var mapped: UnsafeMutableRawPointer? = nil
        var length = 0
        while slice >= 1 << 16 {
            length = slice * max(programs.count, 1)
            mapped = mmap(
                nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
            if mapped != MAP_FAILED { break }
            mapped = nil
            slice /= 4
        }
        self.slice = slice
        guard let mapped else {
            // Without memory for a log the load itself still may succeed; libbpf then prints into the capture.
            base = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)
            self.length = 0
            return
        }
        base = mapped
        self.length = length
        for (index, program) in programs.enumerated() {
            let buffer = (base + index * slice).assumingMemoryBound(to: CChar.self)
            bpf_program__set_log_buf(program, buffer, slice)
        }
    }

    /// The buffers go away; a program that lives on must not point at them.
    borrowing func detach(from programs: [OpaquePointer]) {
        for program in programs { bpf_program__set_log_buf(program, nil, 0) }
    }

    borrowing func firstNotEmpty() -> (program: String, log: String)? {
        guard length > 0 else { return nil }
        for (index, name) in names.enumerated() {
            let text = (base + index * slice).assumingMemoryBound(to: CChar.self)
            if text[0] != 0 { return (name, String(cString: text)) }
        }
        return nil
    }

    deinit {
        if length > 0 { munmap(base, length) } else { base.deallocate() }
    }
}

/// Walks libbpf's lists.
enum ObjectWalk {
    static func programs(_ object: OpaquePointer) -> [OpaquePointer] {
        var list: [OpaquePointer] = []
        while let next = bpf_object__next_program(object, list.last) { list.append(next) }
        return list
    }

    static func maps(_ object: OpaquePointer) -> [OpaquePointer] {
        var list: [OpaquePointer] = []
        while let next = bpf_object__next_map(object, list.last) { list.append(next) }
        return list
    }

    static func name(_ program: OpaquePointer) -> String { String(cString: bpf_program__name(program)) }
    static func mapName(_ map: OpaquePointer) -> String { String(cString: bpf_map__name(map)) }

    static func program(_ object: OpaquePointer, named name: String, object objectName: String) throws(BPFError)
        -> OpaquePointer
    {
        let list = programs(object)
        for program in list where self.name(program) == name { return program }
        throw .notFound(kind: "program", name: name, object: objectName, available: list.map(self.name))
    }

    static func map(_ object: OpaquePointer, named name: String, object objectName: String) throws(BPFError)
        -> OpaquePointer
    {
        if let found = bpf_object__find_map_by_name(object, name) { return found }
        throw .notFound(kind: "map", name: name, object: objectName, available: maps(object).map(mapName))
    }
}
