// SPDX-License-Identifier: Apache-2.0
import Packet

/// A set of frames, as the tables see them: what all of them have in common.
struct FrameCase {
    enum Content { case ipv4, ipv6, other }

    var port: PortID
    /// Of a frame that came in at `port`; nil: any.
    var destinationMAC: MACAddress?
    var sourceMAC: MACAddress?

    /// As the tables count them, 0...2.
    var tagCount = 0
    /// Of the first tag; `.untagged` without one; nil: any but 0.
    var vid: VLANID? = .untagged

    var content = Content.other
    /// nil: any but those of IPv4 and IPv6.
    var etherType: UInt16?
    var isMalformed = false
    var fragment = PacketFields.Fragment.none
    /// IPv4 options; nil: some have, some have not.
    var hasOptions: Bool? = false

    // nil: any.
    var ipv4Source: IPv4Address?
    var ipv4Destination: IPv4Address?
    var ipProtocol: UInt8?
    var dscp: UInt8?
    /// Of TCP and UDP packets.
    var sourcePort: UInt16?
    var destinationPort: UInt16?

    /// Whether the tables take it as IP.
    var isIP: Bool { content != .other && !isMalformed }

    func hasFamily(of address: IPAddress) -> Bool { address.isIPv6 ? content == .ipv6 : content == .ipv4 }
}

/// What a megaflow, as the hardware reads frames, says of how its frames are made up.
struct FrameShapes {
    let megaflow: Megaflow
    let traits: OffloadTraits
    /// What hardware found behind the tags it reads past, unless that is a tag itself. It is then what the tables find, too, as
    /// both stop at what is no tag.
    let etherType: UInt16?
    /// Hardware found a tag behind the tags it reads past.
    private let seesTag: Bool
    /// Fields contradict each other.
    let isEmpty: Bool

    init(_ megaflow: Megaflow, _ traits: OffloadTraits) {
        (self.megaflow, self.traits) = (megaflow, traits)
        let given = megaflow.etherType.flatMap { EtherType.isTag($0) ? nil : $0 }
        let isIPv4 = megaflow.ipv4Source != nil || megaflow.ipv4Destination != nil
        isEmpty = isIPv4 && given != nil && given != EtherType.ipv4
        // Past a third tag it would find what the tables do not look for.
        etherType = traits.tagsRead ?? 0 > 2 ? nil : isIPv4 ? EtherType.ipv4 : given
        seesTag = megaflow.etherType != nil && given == nil && !isIPv4
    }

    /// Frames that end within the Ethernet header or the tags.
    var includesTruncated: Bool {
        let complete = HeaderLength.ethernet + 2 * HeaderLength.vlanTag
        return etherType == nil && (traits.minimumFrame ?? 0) < complete
    }

    /// All the ways that the frames that come in at a port can be, but the truncated ones.
    func forEach(at port: PortID, _ body: (FrameCase) throws(OffloadRefusal) -> Void) throws(OffloadRefusal) {
        if isEmpty { return }
        // To see what is behind its tags, hardware has to read past all of them; to see a tag there has to be one.
        let most = etherType == nil ? 2 : min(traits.tagsRead ?? 2, 2)
        let least = seesTag ? 1 : 0
        guard least <= most else { return }
        for tagCount in least...most {
            for vid in vids(tagCount: tagCount) {
                var frame = FrameCase(port: port)
                (frame.destinationMAC, frame.sourceMAC) = (megaflow.destinationMAC, megaflow.sourceMAC)
                (frame.tagCount, frame.vid) = (tagCount, vid)
                switch etherType {
                case EtherType.ipv4: try forEachIPv4(frame, body)
                case EtherType.ipv6: try forEachIPv6(frame, body)
                case let other?:
                    frame.etherType = other
                    try body(frame)
                case nil:
                    try forEachIPv4(frame, body)
                    try forEachIPv6(frame, body)
                    try body(frame)
                }
            }
        }
    }

    private func vids(tagCount: Int) -> [VLANID?] {
        guard tagCount > 0 else { return megaflow.vlan == nil || megaflow.vlan == .untagged ? [.untagged] : [] }
        let priority: [VLANID?] = traits.skipsPriorityTags && traits.readsServiceTags ? [] : [.untagged]
        switch megaflow.vlan {
        case nil: return priority + [nil]
        // A service tag may go unnoticed.
        case .some(.untagged): return traits.readsServiceTags ? priority : priority + [nil]
        case let vlan: return [vlan]
        }
    }

    private func forEachIPv4(
        _ frame: FrameCase, _ body: (FrameCase) throws(OffloadRefusal) -> Void
    ) throws(OffloadRefusal) {
        var frame = frame
        (frame.content, frame.etherType) = (.ipv4, EtherType.ipv4)
        // The IPv4 header that hardware reads, if it reads one.
        let isRead =
            etherType != nil || frame.tagCount == 0
            || (traits.readsServiceTags && frame.tagCount <= traits.tagsRead ?? 0)
        if isRead {
            (frame.ipv4Source, frame.ipv4Destination) = (megaflow.ipv4Source, megaflow.ipv4Destination)
            (frame.ipProtocol, frame.dscp) = (megaflow.ipProtocol, megaflow.dscp)
        }
        let hasPorts = isRead && (megaflow.sourcePort != nil || megaflow.destinationPort != nil)
        frame.hasOptions = traits.skipsOptions ? false : nil
        for fragment in traits.skipsFragments ? [.none] : [.none, .first, .later] as [PacketFields.Fragment] {
            frame.fragment = fragment
            guard hasPorts else {
                try body(frame)
                continue
            }
            if fragment == .later {
                if !traits.knowsFragments { try body(frame) }
                continue
            }
            var plain = frame
            plain.hasOptions = false
            (plain.sourcePort, plain.destinationPort) = (megaflow.sourcePort, megaflow.destinationPort)
            try body(plain)
            if traits.skipsOptions { continue }
            var withOptions = frame
            withOptions.hasOptions = true
            try body(withOptions)
        }
        try malformed(frame, body)
    }

    private func forEachIPv6(
        _ frame: FrameCase, _ body: (FrameCase) throws(OffloadRefusal) -> Void
    ) throws(OffloadRefusal) {
        var frame = frame
        (frame.content, frame.etherType) = (.ipv6, EtherType.ipv6)
        for fragment in [.none, .first, .later] as [PacketFields.Fragment] {
            frame.fragment = fragment
            try body(frame)
        }
        try malformed(frame, body)
    }

    private func malformed(
        _ frame: FrameCase, _ body: (FrameCase) throws(OffloadRefusal) -> Void
    ) throws(OffloadRefusal) {
        if traits.skipsMalformed { return }
        var malformed = frame
        malformed.isMalformed = true
        try body(malformed)
    }
}

extension FrameCase {
    /// `frames at port 3, with 1 tag, malformed IPv4`
    var words: String {
        var words = ["frames at port \(port.rawValue)"]
        switch (tagCount, vid) {
        case (0, _): words.append("untagged")
        case (let count, let vid):
            let tag = vid.map { $0 == .untagged ? "priority tag" : "tag of VLAN \($0.rawValue)" } ?? "tag"
            words.append(count == 1 ? "with a \(tag)" : "with a \(tag) and another")
        }
        var kind: String
        switch content {
        case .ipv4: kind = "IPv4"
        case .ipv6: kind = "IPv6"
        case .other: kind = etherType.map { "EtherType 0x" + String($0, radix: 16) } ?? "not IP"
        }
        if isMalformed { kind = "malformed " + kind }
        switch fragment {
        case .none: break
        case .first: if !isMalformed { kind += " first fragments" }
        case .later: if !isMalformed { kind += " later fragments" }
        }
        if hasOptions == true, !isMalformed { kind += " with options" }
        words.append(kind)
        return words.joined(separator: ", ")
    }
}
