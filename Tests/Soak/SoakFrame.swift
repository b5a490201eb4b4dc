// SPDX-License-Identifier: Apache-2.0
import Packet
import TestSupport

/// The frames of flows: headers, and a payload that says which flow and which packet of it this is.
///
///     magic 8 bytes │ flow 4 │ 0 4 │ sequence 8 │ time of sending 8, nanoseconds of CLOCK_MONOTONIC
///
/// Numbers of the payload are in the byte order of the machine. Payloads have no checksum (UDP 0): nobody reads them but us.
struct SoakFrame {
    static let magic: UInt64 = 0x5049_4343_4f4c_4f21
    static let payloadLength = 32
    /// Room for any of them.
    static let stride = 128

    /// As the sender makes it and as a router passes it on, without sequence and time.
    private(set) var bytes: [UInt8] = []
    private(set) var headerLength = 0

    /// Of an established flow. `hops`: 0 as host 1 sends it, 1 as host 2 is to get it.
    init(_ flow: SoakFlow, hops: UInt8, macs: (destination: MACAddress, source: MACAddress)) {
        var segment: [UInt8] = []
        segment.append(bigEndian: flow.sourcePort)
        segment.append(bigEndian: SoakFlow.destinationPort)
        segment.append(bigEndian: UInt16(HeaderLength.udp + Self.payloadLength))
        segment.append(bigEndian: UInt16(0))
        build(
            flow.source, flow.destination, IPProtocol.udp, segment, number: UInt32(flow.number), timeToLive: 64 - hops,
            macs)
    }

    /// Of a flow of one packet: TCP, from one of many addresses and ports of host 1's network to a place behind host 2.
    init(passing number: Int, as flow: Int, macs: (destination: MACAddress, source: MACAddress)) {
        var segment: [UInt8] = []
        segment.append(bigEndian: UInt16(1024 + number % 60_000))
        segment.append(bigEndian: UInt16(80))
        segment.append(bigEndian: UInt64(0))
        segment.append(bigEndian: UInt32(0x5010_ffff))
        segment.append(bigEndian: UInt32(0))
        let source = IPv4Address(rawValue: 0x0a00_0180 + UInt32(number / 60_000 % 100))
        let destination = IPv4Address(rawValue: SoakRoutes.behind4 + 250)
        build(.v4(source), .v4(destination), IPProtocol.tcp, segment, number: UInt32(flow), timeToLive: 64, macs)
    }

    private mutating func build(
        _ source: IPAddress, _ destination: IPAddress, _ ipProtocol: UInt8, _ segment: [UInt8], number: UInt32,
        timeToLive: UInt8, _ macs: (destination: MACAddress, source: MACAddress)
    ) {
        bytes.reserveCapacity(Self.stride)
        bytes.append(macs.destination)
        bytes.append(macs.source)
        let length = UInt16(segment.count + Self.payloadLength)
        switch (source, destination) {
        case (.v4(let source), .v4(let destination)):
            bytes.append(bigEndian: EtherType.ipv4)
            var header: [UInt8] = [0x45, 0]
            header.append(bigEndian: UInt16(HeaderLength.ipv4) + length)
            header.append(bigEndian: UInt32(0))
            header += [timeToLive, ipProtocol, 0, 0]
            header.append(source)
            header.append(destination)
            header.store(bigEndian: Checksum.of(header.span.bytes), at: 10)
            bytes += header
        case (.v6(let source), .v6(let destination)):
            bytes.append(bigEndian: EtherType.ipv6)
            bytes.append(bigEndian: UInt32(0x6000_0000))
            bytes.append(bigEndian: length)
            bytes += [ipProtocol, timeToLive]
            bytes.append(source)
            bytes.append(destination)
        default: preconditionFailure("addresses of two families")
        }
        bytes += segment
        headerLength = bytes.count
        bytes.append(littleEndian: Self.magic)
        bytes.append(littleEndian: number)
        bytes += [UInt8](repeating: 0, count: Self.payloadLength - 12)
    }

    // MARK: In a buffer

    /// Writes what differs from packet to packet.
    static func stamp(_ frame: UnsafeMutableRawPointer, payload: Int, sequence: UInt64, time: UInt64) {
        frame.storeBytes(of: sequence.littleEndian, toByteOffset: payload + 16, as: UInt64.self)
        frame.storeBytes(of: time.littleEndian, toByteOffset: payload + 24, as: UInt64.self)
    }

    /// What a frame is, if it is one of ours.
    struct Mark {
        var flow: Int
        var sequence: UInt64
        var time: UInt64
        /// Where the payload begins.
        var payload: Int

        init?(_ frame: UnsafeRawPointer, length: Int) {
            guard length >= 14 else { return nil }
            let ipProtocol: UInt8
            var payload = HeaderLength.ethernet
            switch UInt16(bigEndian: frame.loadUnaligned(fromByteOffset: 12, as: UInt16.self)) {
            case EtherType.ipv4:
                guard length >= payload + HeaderLength.ipv4 else { return nil }
                ipProtocol = frame.load(fromByteOffset: payload + 9, as: UInt8.self)
                payload += HeaderLength.ipv4
            case EtherType.ipv6:
                guard length >= payload + HeaderLength.ipv6 else { return nil }
                ipProtocol = frame.load(fromByteOffset: payload + 6, as: UInt8.self)
                payload += HeaderLength.ipv6
            default: return nil
            }
            switch ipProtocol {
            case IPProtocol.udp: payload += HeaderLength.udp
            case IPProtocol.tcp: payload += HeaderLength.tcp
            default: return nil
            }
            guard length >= payload + SoakFrame.payloadLength,
                UInt64(littleEndian: frame.loadUnaligned(fromByteOffset: payload, as: UInt64.self)) == SoakFrame.magic
            else { return nil }
            self.payload = payload
            flow = Int(UInt32(littleEndian: frame.loadUnaligned(fromByteOffset: payload + 8, as: UInt32.self)))
            sequence = UInt64(littleEndian: frame.loadUnaligned(fromByteOffset: payload + 16, as: UInt64.self))
            time = UInt64(littleEndian: frame.loadUnaligned(fromByteOffset: payload + 24, as: UInt64.self))
        }
    }
}

extension Array where Element == UInt8 {
    fileprivate mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}
