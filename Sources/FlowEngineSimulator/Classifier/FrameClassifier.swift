// SPDX-License-Identifier: Apache-2.0
import Packet

/// A frame as the tables see it.
struct ClassifiedFrame: BitwiseCopyable {
    var key = FrameKey()
    /// Where the IP header begins; 0: not IP as far as the tags are read.
    var ipOffset = 0
    var isIPv6 = false
    /// No rule of the flow cache is to match it.
    var matchesNoRule = false
    var destination: UInt64 = 0
    var source: UInt64 = 0
}

/// From bytes to key fields. How the card parses is not public: every doubt is a reading in `CardVariants`.
struct FrameClassifier: Sendable {
    let variants: CardVariants

    init(_ variants: CardVariants) { self.variants = variants }

    /// - Parameter portVLAN: VLAN_INT of the port.
    /// - Precondition: the frame has an Ethernet header.
    func classify(_ frame: RawSpan, inPort: Int, portVLAN: UInt16) -> ClassifiedFrame {
        var classified = ClassifiedFrame()
        let (destination, source) = (frame.macAddress(at: 0).rawValue, frame.macAddress(at: 6).rawValue)
        (classified.destination, classified.source) = (destination, source)
        var key = FrameKey()
        put(.inPort, UInt64(inPort), &key)
        put(.destinationMAC, destination, &key)
        put(.sourceMAC, source, &key)
        var malformed = false
        let (etherType, offset) = readTags(frame, portVLAN: portVLAN, &key, &malformed)
        put(.etherType, UInt64(etherType), &key)
        if etherType == EtherType.ipv4 {
            classified.ipOffset = offset
            malformed = readIPv4(frame, at: offset, &key) || malformed
        } else if etherType == EtherType.ipv6 {
            classified.ipOffset = offset
            classified.isIPv6 = true
            malformed = readIPv6(frame, at: offset, &key) || malformed
        }
        if variants.absentField == .zero { for field in FrameField.allCases where field != .vlanID { key.mark(field) } }
        classified.key = key
        classified.matchesNoRule = malformed && variants.malformed == .noMatch
        if variants.invalidSource == .noMatch && FrameClassifier.isInvalidSource(source) {
            classified.matchesNoRule = true
        }
        return classified
    }

    static func isInvalidSource(_ source: UInt64) -> Bool {
        source == 0 || MACAddress(rawValue: source).isMulticast
    }

    private func put(_ field: FrameField, _ value: UInt64, _ key: inout FrameKey) {
        key[field] = value
        key.mark(field)
    }

    private func isTag(_ type: UInt16) -> Bool {
        variants.tagTypes == .customer ? type == EtherType.vlan : EtherType.isTag(type)
    }

    /// Returns what is taken for the EtherType, and where its payload begins.
    private func readTags(
        _ frame: RawSpan, portVLAN: UInt16, _ key: inout FrameKey, _ malformed: inout Bool
    ) -> (etherType: UInt16, offset: Int) {
        var etherType = frame.uint16(at: 12)
        var offset = HeaderLength.ethernet
        let isTagged = isTag(etherType) && frame.byteCount >= offset + HeaderLength.vlanTag
        if isTagged {
            let tci = frame.uint16(at: offset)
            put(.vlanID, UInt64(tci & 0xfff), &key)
            put(.vlanPriority, UInt64(variants.vlanPriority == .pcp ? tci >> 13 : tci >> 12), &key)
        } else {
            switch variants.untaggedVLAN {
            case .zero: put(.vlanID, 0, &key)
            case .noMatch: break
            case .portVLAN: put(.vlanID, UInt64(portVLAN & 0xfff), &key)
            }
        }
        var tags = 0
        while isTag(etherType), tags < variants.tagsRead {
            guard frame.byteCount >= offset + HeaderLength.vlanTag else {
                malformed = true
                break
            }
            etherType = frame.uint16(at: offset + 2)
            offset += HeaderLength.vlanTag
            tags += 1
        }
        return (etherType, offset)
    }

    /// Returns whether it is malformed.
    private func readIPv4(_ frame: RawSpan, at offset: Int, _ key: inout FrameKey) -> Bool {
        let left = frame.byteCount - offset
        guard left >= HeaderLength.ipv4 else { return true }
        let first = frame.octet(at: offset)
        let headerLength = max(Int(first & 15) * 4, HeaderLength.ipv4)
        let totalLength = Int(frame.uint16(at: offset + 2))
        let ipProtocol = frame.octet(at: offset + 9)
        let isLaterFragment = frame.uint16(at: offset + 6) & 0x1fff != 0
        put(.ipv4Source, UInt64(frame.uint32(at: offset + 12)), &key)
        put(.ipv4Destination, UInt64(frame.uint32(at: offset + 16)), &key)
        put(.ipProtocol, UInt64(ipProtocol), &key)
        putTOS(frame.octet(at: offset + 1), &key)
        if !isLaterFragment || variants.fragmentPorts == .asBytes {
            readPorts(frame, at: offset + headerLength, ipProtocol, &key)
        }
        guard variants.malformed == .noMatch else { return false }
        guard first >> 4 == 4, first & 15 >= 5, headerLength <= left, totalLength >= headerLength, totalLength <= left,
            Checksum.isValid(frame.extracting(offset..<offset + headerLength))
        else { return true }
        return !isLaterFragment
            && isTruncated(ipProtocol, icmp: IPProtocol.icmp, length: totalLength - headerLength)
    }

    private func readIPv6(_ frame: RawSpan, at offset: Int, _ key: inout FrameKey) -> Bool {
        let left = frame.byteCount - offset
        guard left >= HeaderLength.ipv6 else { return true }
        let payloadLength = Int(frame.uint16(at: offset + 4))
        var malformed = frame.octet(at: offset) >> 4 != 6 || payloadLength > left - HeaderLength.ipv6
        var (next, at) = (frame.octet(at: offset + 6), offset + HeaderLength.ipv6)
        let end = offset + HeaderLength.ipv6 + min(payloadLength, left - HeaderLength.ipv6)
        var isLaterFragment = false
        if variants.ipv6Fields == .behindExtensions || variants.malformed == .noMatch {
            let chain = FrameClassifier.skipExtensions(frame, from: at, to: end, next: next)
            if variants.ipv6Fields == .behindExtensions { (next, at) = (chain.next, chain.offset) }
            isLaterFragment = chain.isLaterFragment
            malformed =
                malformed || !chain.isWhole
                || !isLaterFragment
                    && isTruncated(chain.next, icmp: IPProtocol.icmpv6, length: end - chain.offset)
        }
        if variants.ipv6Fields != .absent {
            put(.ipProtocol, UInt64(next), &key)
            putTOS(UInt8(truncatingIfNeeded: frame.uint16(at: offset) >> 4), &key)
            if !isLaterFragment || variants.fragmentPorts == .asBytes { readPorts(frame, at: at, next, &key) }
        }
        return malformed
    }

    private func putTOS(_ octet: UInt8, _ key: inout FrameKey) {
        put(.tos, UInt64(variants.tosBits == .dscp ? octet >> 2 : octet & 63), &key)
    }

    private func readPorts(_ frame: RawSpan, at offset: Int, _ ipProtocol: UInt8, _ key: inout FrameKey) {
        guard ipProtocol == IPProtocol.tcp || ipProtocol == IPProtocol.udp || variants.portProtocols == .all,
            frame.byteCount >= offset + 4
        else { return }
        put(.sourcePort, UInt64(frame.uint16(at: offset)), &key)
        put(.destinationPort, UInt64(frame.uint16(at: offset + 2)), &key)
    }

    private func isTruncated(_ ipProtocol: UInt8, icmp: UInt8, length: Int) -> Bool {
        switch ipProtocol {
        case IPProtocol.tcp: length < HeaderLength.tcp
        case IPProtocol.udp: length < HeaderLength.udp
        case icmp: length < HeaderLength.icmp
        default: false
        }
    }

    private static func skipExtensions(
        _ frame: RawSpan, from start: Int, to end: Int, next first: UInt8
    ) -> (next: UInt8, offset: Int, isLaterFragment: Bool, isWhole: Bool) {
        /// More headers in a chain than this are taken for an attack by most parsers.
        let maximumHeaders = 6
        var (next, offset) = (first, start)
        for _ in 0...maximumHeaders {
            let isExtension =
                switch next {
                case IPProtocol.hopByHop, IPProtocol.routing, IPProtocol.fragment, IPProtocol.authentication,
                    IPProtocol.destinationOptions:
                    true
                default: false
                }
            guard isExtension else { return (next, offset, false, true) }
            guard offset + 8 <= end else { return (next, offset, false, false) }
            let following = frame.octet(at: offset)
            let length =
                switch next {
                case IPProtocol.fragment: 8
                case IPProtocol.authentication: (Int(frame.octet(at: offset + 1)) + 2) * 4
                default: (Int(frame.octet(at: offset + 1)) + 1) * 8
                }
            let isLater = next == IPProtocol.fragment && frame.uint16(at: offset + 2) >> 3 != 0
            guard offset + length <= end else { return (next, offset, false, false) }
            (next, offset) = (following, offset + length)
            if isLater { return (next, offset, true, true) }
        }
        return (next, offset, false, false)
    }
}
