// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

/// A program in the kernel. Owns a descriptor; the kernel keeps the program while anything refers to it.
public struct Program: ~Copyable, Sendable {
    let descriptor: FileDescriptor
    public let info: ProgramInfo
    public var id: UInt32 { info.id }
    public var name: String { info.name }
    /// First 8 bytes of the SHA-1 of the instructions, in hex.
    public var tag: String { info.tag }
    var fd: Int32 { descriptor.raw }

    init(_ descriptor: consuming FileDescriptor, name: String? = nil) throws(BPFError) {
        var info = try ProgramInfo(fd: descriptor.raw)
        // The kernel keeps 15 characters.
        if let name { info.name = name }
        self.info = info
        self.descriptor = descriptor
    }

    /// Opens a pinned program.
    public init(pinned path: String) throws(BPFError) {
        try self.init(BPFFileSystem.open(path, kind: .program))
    }

    /// Opens a program by the kernel's id (needs CAP_SYS_ADMIN).
    public init(id: UInt32) throws(BPFError) {
        let fd = bpf_prog_get_fd_by_id(id)
        guard fd >= 0 else { throw .failure("bpf(BPF_PROG_GET_FD_BY_ID)", on: "program \(id)", needing: [.sysAdmin]) }
        try self.init(FileDescriptor(owning: fd))
    }

    /// A second owner of the same program.
    public func duplicate() throws(BPFError) -> Program {
        try Program(FileDescriptor(duplicating: fd, of: name), name: name)
    }

    /// Makes the program reachable by a path on a BPF file system; it then survives this process.
    public func pin(at path: String) throws(BPFError) { try BPFFileSystem.pin(fd, "program \(name)", at: path) }
}

/// What the kernel says of a program.
public struct ProgramInfo: Sendable, Hashable, CustomStringConvertible {
    public var id: UInt32
    public var name: String
    public var tag: String
    /// `enum bpf_prog_type`.
    public var type: UInt32
    /// Nanoseconds since boot.
    public var loadTime: UInt64
    public var translatedBytes: UInt32
    public var jitedBytes: UInt32
    public var verifiedInstructions: UInt32
    /// With `kernel.bpf_stats_enabled`: how often it ran and for how long.
    public var runCount: UInt64
    public var runNanoseconds: UInt64

    init(fd: Int32) throws(BPFError) {
        var info = bpf_prog_info()
        var length = UInt32(MemoryLayout<bpf_prog_info>.size)
        guard bpf_obj_get_info_by_fd(fd, &info, &length) == 0 else {
            throw .failure("bpf(BPF_OBJ_GET_INFO_BY_FD)", on: "program descriptor \(fd)")
        }
        id = info.id
        name = fixedString(info.name)
        tag = withUnsafeBytes(of: info.tag) { bytes in
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        type = info.type
        loadTime = info.load_time
        translatedBytes = info.xlated_prog_len
        jitedBytes = info.jited_prog_len
        verifiedInstructions = info.verified_insns
        runCount = info.run_cnt
        runNanoseconds = info.run_time_ns
    }

    public var description: String { "program \(id) \(name) tag \(tag)" }
}

/// A C string in a fixed array of `char`, imported as a tuple.
func fixedString<Tuple: BitwiseCopyable>(_ tuple: Tuple) -> String {
    withUnsafeBytes(of: tuple) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
