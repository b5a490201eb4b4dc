// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

/// An array map's values in this process's memory (`BPF_F_MMAPABLE`): programs and process work on the same bytes.
///
/// Element `i` starts at `i * stride`; the stride is the value size rounded up to 8. Whoever writes while programs
/// read must order the writes so that a reader never acts on half an entry; this type only hands out the bytes.
public struct MappedArray: ~Copyable, @unchecked Sendable {
    // SAFETY: address and length never change. The bytes are shared with programs on every CPU whatever this process
    // does; what keeps readers and writers apart is the protocol of what is stored in them, not a thread.
    private let base: UnsafeMutableRawPointer
    /// Bytes that may be touched: elements times stride. The mapping itself ends on a page.
    public let byteCount: Int
    /// Bytes from one element to the next.
    public let stride: Int
    /// Number of elements.
    public let count: Int
    private let mappedBytes: Int

    /// Maps the values.
    /// - Parameters:
    ///   - writable: false maps them for reading only (a frozen map, or a program that must not write).
    ///   - prefault: touch all pages now rather than at the first access.
    public init(_ map: borrowing BPFMap, writable: Bool = true, prefault: Bool = false) throws(BPFError) {
        let info = map.info
        guard info.type == .array, info.flags & Self.mmapable != 0 else {
            throw .badArgument(
                subject: "mapping of map \(info.name)", found: "\(info.type) with flags \(info.flags)",
                expected: "only an array created with BPF_F_MMAPABLE can be mapped")
        }
        let stride = (Int(info.valueSize) + 7) & ~7
        let bytes = stride * Int(info.maxEntries)
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let mapped = (bytes + page - 1) / page * page
        let protection = writable ? PROT_READ | PROT_WRITE : PROT_READ
        let flags = prefault ? MAP_SHARED | MAP_POPULATE : MAP_SHARED
        guard let address = mmap(nil, mapped, protection, flags, map.fd, 0), address != MAP_FAILED else {
            throw .failure("mmap of \(mapped) bytes", on: info.description)
        }
        base = address
        byteCount = bytes
        self.stride = stride
        count = Int(info.maxEntries)
        mappedBytes = mapped
    }

    /// `BPF_F_MMAPABLE`: the flag such a map is made with.
    public static let mmapable: UInt32 = 1 << 10

    deinit { munmap(base, mappedBytes) }

    /// The first byte; valid as long as this value lives. For code that keeps pointers into the array.
    public var baseAddress: UnsafeMutableRawPointer { base }

    /// Works on the bytes.
    public borrowing func withUnsafeMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeMutableRawBufferPointer(start: base, count: byteCount))
    }

    /// Works on the values as `Element`, whose stride must be the array's.
    public borrowing func withUnsafeMutableElements<Element: BitwiseCopyable, Result, Failure: Error>(
        as type: Element.Type, _ body: (UnsafeMutableBufferPointer<Element>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(MemoryLayout<Element>.stride == stride, "an element of another stride than the array's")
        return try body(
            UnsafeMutableBufferPointer(start: base.assumingMemoryBound(to: Element.self), count: count))
    }

    /// The bytes, to read.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        borrowing get {
            let span = RawSpan(_unsafeStart: UnsafeRawPointer(base), byteCount: byteCount)
            return _overrideLifetime(span, borrowing: self)
        }
    }

    /// The bytes, to write.
    public var mutableBytes: MutableRawSpan {
        @_lifetime(&self)
        mutating get {
            let span = MutableRawSpan(_unsafeStart: base, byteCount: byteCount)
            return _overrideLifetime(span, mutating: &self)
        }
    }
}
