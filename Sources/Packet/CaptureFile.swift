// SPDX-License-Identifier: Apache-2.0
import CPcap

/// Why a capture file cannot be read or written.
public enum CaptureError: Error, Hashable, Sendable, CustomStringConvertible {
    /// libpcap's words: no such file, no capture file, a file header cut short.
    case cannotOpen(path: String, why: String)
    /// The packets are not Ethernet frames. `name`: libpcap's name of the link type, `LINKTYPE_…` without the prefix.
    case linkType(path: String, name: String)
    case cannotWrite(path: String, why: String)

    public var description: String {
        switch self {
        case .cannotOpen(let path, let why): "cannot read the capture \(path): \(why)"
        case .linkType(let path, let name):
            "the capture \(path) holds packets of link type \(name); expected Ethernet (EN10MB)"
        case .cannotWrite(let path, let why): "cannot write the capture \(path): \(why)"
        }
    }
}

/// A packet of a capture file.
public struct CapturedPacket: Sendable, Hashable {
    /// Nanoseconds since 1970-01-01 UTC.
    public var timestamp: UInt64
    /// Length on the wire; `bytes` is shorter when the capture cut the packet.
    public var originalLength: Int
    public var bytes: [UInt8]

    public init(timestamp: UInt64, originalLength: Int, bytes: [UInt8]) {
        (self.timestamp, self.originalLength, self.bytes) = (timestamp, originalLength, bytes)
    }
}

/// A capture file (pcap or pcapng, of Ethernet) that is open for reading.
///
///     var capture = try CaptureFile(path: "traffic.pcapng")
///     while let packet = capture.next() { … }
///     if let damage = capture.damage { print("stopped: \(damage)") }
public struct CaptureFile: ~Copyable {
    private let handle: OpaquePointer
    public let path: String
    /// Packets handed out so far.
    public private(set) var packetCount = 0
    /// Why reading stopped before the end of the file, in libpcap's words; nil while it has not, and at a clean end.
    public private(set) var damage: String?
    private var isAtEnd = false

    public init(path: String) throws(CaptureError) {
        var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
        guard
            let handle = pcap_open_offline_with_tstamp_precision(path, UInt32(PCAP_TSTAMP_PRECISION_NANO), &message)
        else { throw .cannotOpen(path: path, why: text(message)) }
        let linkType = pcap_datalink(handle)
        guard linkType == DLT_EN10MB else {
            let name = pcap_datalink_val_to_name(linkType).map { String(cString: $0) } ?? String(linkType)
            pcap_close(handle)
            throw .linkType(path: path, name: name)
        }
        (self.handle, self.path) = (handle, path)
    }

    deinit { pcap_close(handle) }

    /// The next packet; nil at the end, or where the file is damaged (then `damage` says how).
    public mutating func next() -> CapturedPacket? {
        guard !isAtEnd else { return nil }
        var header: UnsafeMutablePointer<pcap_pkthdr>?
        var data: UnsafePointer<UInt8>?
        let status = pcap_next_ex(handle, &header, &data)
        guard status == 1, let header = header?.pointee else {
            isAtEnd = true
            if status != PCAP_ERROR_BREAK {
                damage = pcap_geterr(handle).map { String(cString: $0) } ?? "libpcap returned \(status)"
            }
            return nil
        }
        packetCount += 1
        let seconds = UInt64(truncatingIfNeeded: header.ts.tv_sec)
        // With nanosecond precision tv_usec holds nanoseconds.
        let nanoseconds = UInt64(truncatingIfNeeded: header.ts.tv_usec)
        return CapturedPacket(
            timestamp: seconds &* 1_000_000_000 &+ nanoseconds, originalLength: Int(header.len),
            bytes: Array(UnsafeBufferPointer(start: data, count: Int(header.caplen))))
    }
}

/// A pcap file (Ethernet, nanosecond timestamps) that is open for writing. Complete once `finish` has returned.
public struct CaptureWriter: ~Copyable {
    private let handle: OpaquePointer
    private let dumper: OpaquePointer
    public let path: String

    /// Creates the file or empties it.
    public init(path: String, snapshotLength: Int = 262_144) throws(CaptureError) {
        guard
            let handle = pcap_open_dead_with_tstamp_precision(
                DLT_EN10MB, Int32(snapshotLength), UInt32(PCAP_TSTAMP_PRECISION_NANO))
        else { throw .cannotWrite(path: path, why: "libpcap has no memory") }
        guard let dumper = pcap_dump_open(handle, path) else {
            let why = pcap_geterr(handle).map { String(cString: $0) } ?? "unknown"
            pcap_close(handle)
            throw .cannotWrite(path: path, why: why)
        }
        (self.handle, self.dumper, self.path) = (handle, dumper, path)
    }

    deinit {
        pcap_dump_close(dumper)
        pcap_close(handle)
    }

    public func write(_ packet: CapturedPacket) {
        write(packet.bytes.span.bytes, timestamp: packet.timestamp, originalLength: packet.originalLength)
    }

    /// `timestamp`: nanoseconds since 1970-01-01 UTC.
    public func write(_ bytes: RawSpan, timestamp: UInt64, originalLength: Int? = nil) {
        var header = pcap_pkthdr()
        header.ts.tv_sec = Int(truncatingIfNeeded: timestamp / 1_000_000_000)
        header.ts.tv_usec = Int(truncatingIfNeeded: timestamp % 1_000_000_000)
        header.caplen = UInt32(truncatingIfNeeded: bytes.byteCount)
        header.len = UInt32(truncatingIfNeeded: originalLength ?? bytes.byteCount)
        bytes.withUnsafeBytes { buffer in
            // pcap_dump takes its dumper as the `user` argument of a packet handler.
            pcap_dump(UnsafeMutablePointer(dumper), &header, buffer.assumingMemoryBound(to: UInt8.self).baseAddress)
        }
    }

    /// Writes out what is buffered and closes the file. Errors of earlier writes show here.
    public consuming func finish() throws(CaptureError) {
        guard pcap_dump_flush(dumper) == 0 else {
            throw .cannotWrite(path: path, why: "flushing failed (no space left on the device?)")
        }
    }
}

private func text(_ message: [CChar]) -> String {
    String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
