// SPDX-License-Identifier: Apache-2.0
import Packet

// TX_ROUTER: writes over header fields on the way out.
extension CardCore {
    /// The frame as it leaves a port, by an entry of the overwrite table; entry 0 and empty entries change nothing.
    func overwritten(_ frame: [UInt8], by index: Int, port: Int, _ classified: ClassifiedFrame) -> [UInt8] {
        guard index != 0, effective.contains(.txRouter) else { return frame }
        let datapath = port < configuration.portCount ? configuration.datapath(of: port) : 0
        let entry = overwrites[datapath].entries[index]
        guard entry.valid != 0 else { return frame }
        var frame = frame
        func isSet(_ part: OverwriteTable.Part) -> Bool { entry.valid >> part.rawValue & 1 != 0 }
        if isSet(.destinationMAC) { frame.store(MACAddress(rawValue: entry.destinationMAC), at: 0) }
        if isSet(.sourceMAC) { frame.store(MACAddress(rawValue: entry.sourceMAC), at: 6) }
        let ip = classified.ipOffset
        guard ip > 0, !classified.isIPv6, frame.count >= ip + HeaderLength.ipv4 else { return frame }
        let headerLength = max(Int(frame[ip] & 15) * 4, HeaderLength.ipv4)
        let isLaterFragment = frame.span.bytes.uint16(at: ip + 6) & 0x1fff != 0
        let transport: (checksum: Int, isOptional: Bool)? =
            switch frame[ip + 9] {
            case _ where isLaterFragment: nil
            case IPProtocol.tcp: (ip + headerLength + 16, false)
            case IPProtocol.udp: (ip + headerLength + 6, true)
            default: nil
            }
        let l4 = ip + headerLength
        if isSet(.ipv4Destination) {
            write(UInt16(entry.ipv4Destination >> 16), at: ip + 16, in: &frame, ip: ip, transport)
            write(UInt16(entry.ipv4Destination & 0xffff), at: ip + 18, in: &frame, ip: ip, transport)
        }
        if isSet(.ipv4Source) {
            write(UInt16(entry.ipv4Source >> 16), at: ip + 12, in: &frame, ip: ip, transport)
            write(UInt16(entry.ipv4Source & 0xffff), at: ip + 14, in: &frame, ip: ip, transport)
        }
        guard transport != nil, frame.count >= l4 + 4 else { return frame }
        if isSet(.destinationPort) { write(entry.destinationPort, at: l4 + 2, in: &frame, ip: nil, transport) }
        if isSet(.sourcePort) { write(entry.sourcePort, at: l4, in: &frame, ip: nil, transport) }
        return frame
    }

    /// - Parameter ip: offset of the IPv4 header if its checksum covers the word.
    private func write(
        _ word: UInt16, at offset: Int, in frame: inout [UInt8], ip: Int?,
        _ transport: (checksum: Int, isOptional: Bool)?
    ) {
        let old = frame.span.bytes.uint16(at: offset)
        frame.store(bigEndian: word, at: offset)
        guard variants.overwrittenChecksums == .updated else { return }
        func update(_ place: Int) {
            let sum = frame.span.bytes.uint16(at: place)
            frame.store(bigEndian: Checksum.updated(sum, from: old, to: word), at: place)
        }
        if let ip { update(ip + 10) }
        if let transport, frame.count >= transport.checksum + 2,
            !transport.isOptional || frame.span.bytes.uint16(at: transport.checksum) != 0
        {
            update(transport.checksum)
        }
    }
}
