// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/entries.rdl.

/// Where the fields of the tables' entries are. Key sets of hashed rules are a choice of the bitstream: they depend on
/// its hash revision.
///
/// Source: InnoRoute/packages TNflowtable, unless a layout says otherwise.
public enum FlowCacheLayouts {
    /// Points from a hash value to a rule; 0 points to none. The public tools write ones behind the pointer.
    public static let emhHash = EntryLayout(
        "EMH hash entry", words: 1,
        [
            .init("rule_pointer", 0, 9),
            .init("ones", 9, 23),
        ])

    /// A masked rule.
    public static let emaRule = EntryLayout(
        "EMA rule entry", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 12),
            .init("priority", 13, 8),
            .init("action_id", 21, 24),
            .init("in_port", 45, 5),
            .init("mac_src", 50, 48),
            .init("mac_dst", 98, 48),
            .init("ethertype", 146, 16),
            .init("vlan_id", 162, 12),
            .init("vlan_prio", 174, 3),
            .init("ipv4_src", 177, 32),
            .init("ipv4_dst", 209, 32),
            .init("proto", 241, 8),
            .init("tos", 249, 6),
            .init("port_src", 255, 16),
            .init("port_dst", 271, 16),
            .init("reserved", 287, 1),
        ])

    /// Folded key of a masked rule: 64 bits of data, then 64 bits of mask. A fold XORs chunks of the folded width.
    public static let emaTCAM = EntryLayout(
        "EMA TCAM entry", words: 4,
        [
            .init("data_used", 0, 1),
            .init("data_in_port", 1, 5),
            .init("data_mac_src", 6, 8),
            .init("data_mac_dst", 14, 8),
            .init("data_ethertype", 22, 4),
            .init("data_vlan_id", 26, 4),
            .init("data_vlan_prio", 30, 3),
            .init("data_ipv4_src", 33, 8),
            .init("data_ipv4_dst", 41, 8),
            .init("data_proto", 49, 4),
            .init("data_tos", 53, 3),
            .init("data_port_src", 56, 4),
            .init("data_port_dst", 60, 4),
            .init("mask_used", 64, 1),
            .init("mask_in_port", 65, 5),
            .init("mask_mac_src", 70, 8),
            .init("mask_mac_dst", 78, 8),
            .init("mask_ethertype", 86, 4),
            .init("mask_vlan_id", 90, 4),
            .init("mask_vlan_prio", 94, 3),
            .init("mask_ipv4_src", 97, 8),
            .init("mask_ipv4_dst", 105, 8),
            .init("mask_proto", 113, 4),
            .init("mask_tos", 117, 3),
            .init("mask_port_src", 120, 4),
            .init("mask_port_dst", 124, 4),
        ])

    /// What becomes of the packets of a flow, as the public tools of the TrustNode write it.
    public static let action = EntryLayout(
        "action word", words: 1,
        [
            .init("out_port_enable", 0, 1),
            .init("out_port", 1, 5),
            .init("bad_enable", 6, 1),
            .init("cut_enable", 7, 1),
            .init("ones", 8, 24),
        ])

    /// As the vendor's example of use case 1 writes it. Only what its two words show; where the other fields are is not
    /// public.
    public static let actionUseCase1 = EntryLayout(
        "action word of use case 1", words: 1,
        [
            .init("out_port_enable", 0, 1),
            .init("out_port", 3, 3),
        ])

    /// Where a rule's action id points.
    public static let actionIDGate = EntryLayout(
        "action id with a stream gate", words: 1,
        [
            .init("index", 0, 10),
            .init("gate_enable", 12, 1),
            .init("ipv_wildcard", 13, 1),
            .init("gate", 14, 4),
        ])

    /// Where a rule's action id points.
    public static let actionIDOverwrite = EntryLayout(
        "action id with an overwrite", words: 1,
        [
            .init("index", 0, 10),
            .init("overwrite", 16, 7),
        ])

    /// As the vendor's example of use case 1 writes it: action 1 and queue 3 are 0x31. The widths are not public.
    public static let actionIDUseCase1 = EntryLayout(
        "action id of use case 1", words: 1,
        [
            .init("index", 0, 4),
            .init("queue", 4, 3),
        ])

    /// What is written over fields of a header.
    public static let overwrite = EntryLayout(
        "overwrite entry", words: 8,
        [
            .init("mac_dst_valid", 0, 1),
            .init("mac_src_valid", 1, 1),
            .init("ipv4_dst_valid", 2, 1),
            .init("ipv4_src_valid", 3, 1),
            .init("port_dst_valid", 4, 1),
            .init("port_src_valid", 5, 1),
            .init("unused", 6, 58),
            .init("mac_dst", 64, 48),
            .init("mac_src", 112, 48),
            .init("ipv4_dst", 160, 32),
            .init("ipv4_src", 192, 32),
            .init("port_dst", 224, 16),
            .init("port_src", 240, 16),
        ])

    /// A destination of the acceleration datapath: also the low 12 bits of an IPv4 address, a UDP destination port (16
    /// bits) and a NAL id (6 bits), whose places are not public.
    public static let accelerator = EntryLayout(
        "accelerator entry", words: 3,
        [.init("enable", 0, 1)])

    /// Key of the rules in the vendor's example of use case 1, read from their words. The width of the priority is not
    /// public.
    public static let emhRuleUseCase1 = EntryLayout(
        "VLAN_ID, VLAN_PRIO", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("vlan_id", 40, 12),
            .init("vlan_prio", 52, 3),
        ])

    /// MAC_SRC, MAC_DST, VLAN_ID, ETHERTYPE: Key of a hashed rule.
    static let emhMacs = EntryLayout(
        "EMH rule: MAC_SRC, MAC_DST, VLAN_ID, ETHERTYPE", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("mac_src", 40, 48),
            .init("mac_dst", 88, 48),
            .init("vlan_id", 136, 12),
            .init("unused", 148, 4),
            .init("ethertype", 152, 16),
        ])

    /// IPV4_SRC, IPV4_DST, PROTO, PORT_SRC, PORT_DST: Key of a hashed rule.
    static let emhFiveTuple = EntryLayout(
        "EMH rule: IPV4_SRC, IPV4_DST, PROTO, PORT_SRC, PORT_DST", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("ipv4_src", 40, 32),
            .init("ipv4_dst", 72, 32),
            .init("proto", 104, 8),
            .init("port_src", 112, 16),
            .init("port_dst", 128, 16),
        ])

    /// IN_PORT: Key of a hashed rule.
    static let emhInPort = EntryLayout(
        "EMH rule: IN_PORT", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("in_port", 40, 5),
        ])

    /// VLAN_PRIO: Key of a hashed rule.
    static let emhVLANPrio = EntryLayout(
        "EMH rule: VLAN_PRIO", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("vlan_prio", 40, 16),
        ])

    /// VLAN_ID, MAC_DST: Key of a hashed rule.
    static let emhVLANIDMACDst = EntryLayout(
        "EMH rule: VLAN_ID, MAC_DST", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("vlan_id", 40, 12),
            .init("mac_dst", 52, 48),
        ])

    /// VLAN_ID, MAC_DST, VLAN_PRIO: Key of a hashed rule; four bits of priority are declared.
    static let emhVLANIDMACDstPrio = EntryLayout(
        "EMH rule: VLAN_ID, MAC_DST, VLAN_PRIO", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("vlan_id", 40, 12),
            .init("mac_dst", 52, 48),
            .init("vlan_prio", 100, 4),
        ])

    /// IN_PORT, ETHERTYPE: Key of a hashed rule.
    static let emhInPortEtherType = EntryLayout(
        "EMH rule: IN_PORT, ETHERTYPE", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("in_port", 40, 5),
            .init("ethertype", 45, 16),
        ])

    /// PORT_DST: Key of a hashed rule.
    static let emhPortDst = EntryLayout(
        "EMH rule: PORT_DST", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("port_dst", 40, 16),
        ])

    /// ETHERTYPE: Key of a hashed rule.
    static let emhEtherType = EntryLayout(
        "EMH rule: ETHERTYPE", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("ethertype", 40, 16),
        ])

    /// PORT_DST, IPV4_DST, PROTO, ETHERTYPE: Key of a hashed rule.
    static let emhService = EntryLayout(
        "EMH rule: PORT_DST, IPV4_DST, PROTO, ETHERTYPE", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("port_dst", 40, 16),
            .init("ipv4_dst", 56, 32),
            .init("proto", 88, 8),
            .init("ethertype", 96, 16),
        ])

    /// MAC_DST: Key of a hashed rule.
    static let emhMACDst = EntryLayout(
        "EMH rule: MAC_DST", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("mac_dst", 40, 48),
        ])

    /// IN_PORT, VLAN_ID: Key of a hashed rule.
    static let emhInPortVLANID = EntryLayout(
        "EMH rule: IN_PORT, VLAN_ID", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("in_port", 40, 5),
            .init("vlan_id", 45, 12),
        ])

    /// IN_PORT, MAC_DST: Key of a hashed rule.
    static let emhInPortMACDst = EntryLayout(
        "EMH rule: IN_PORT, MAC_DST", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("in_port", 40, 5),
            .init("mac_dst", 45, 48),
        ])

    /// IN_PORT, ETHERTYPE, IPV4_DST: Key of a hashed rule.
    static let emhInPortIPv4Dst = EntryLayout(
        "EMH rule: IN_PORT, ETHERTYPE, IPV4_DST", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("in_port", 40, 5),
            .init("ethertype", 45, 16),
            .init("ipv4_dst", 61, 32),
        ])

    /// IN_PORT, ETHERTYPE, IPV4_DST, PORT_DST: Key of a hashed rule.
    static let emhInPortService = EntryLayout(
        "EMH rule: IN_PORT, ETHERTYPE, IPV4_DST, PORT_DST", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("in_port", 40, 5),
            .init("ethertype", 45, 16),
            .init("ipv4_dst", 61, 32),
            .init("port_dst", 93, 16),
        ])

    /// VLAN_ID: Key of a hashed rule.
    static let emhVLANID = EntryLayout(
        "EMH rule: VLAN_ID", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("vlan_id", 40, 12),
        ])

    /// MAC_DST, VLAN_ID: Key of a hashed rule.
    static let emhMACDstVLANID = EntryLayout(
        "EMH rule: MAC_DST, VLAN_ID", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("mac_dst", 40, 48),
            .init("vlan_id", 88, 12),
        ])

    /// MAC_DST, VLAN_ID, VLAN_PRIO: Key of a hashed rule.
    static let emhMACDstVLAN = EntryLayout(
        "EMH rule: MAC_DST, VLAN_ID, VLAN_PRIO", words: 9,
        [
            .init("valid", 0, 1),
            .init("type", 1, 5),
            .init("priority", 8, 8),
            .init("action_id", 16, 24),
            .init("mac_dst", 40, 48),
            .init("vlan_id", 88, 12),
            .init("vlan_prio", 100, 16),
        ])

    /// Hash revisions of which something is public.
    public static let hashRevisions = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]

    /// A hashed rule of this type, 1-4; nil if there is none, or if only what it hashes is public (revision 2).
    public static func emhRule(hashRevision: Int, type: Int) -> EntryLayout? {
        switch (hashRevision, type) {
        case (1, 1): emhMacs
        case (1, 2): emhFiveTuple
        case (3, 1): emhInPort
        case (3, 2): emhVLANPrio
        case (3, 3): emhVLANIDMACDst
        case (3, 4): emhVLANIDMACDstPrio
        case (4, 1): emhInPort
        case (4, 2): emhVLANPrio
        case (4, 3): emhVLANIDMACDst
        case (4, 4): emhVLANIDMACDstPrio
        case (5, 1): emhInPort
        case (5, 2): emhVLANPrio
        case (5, 3): emhVLANIDMACDst
        case (5, 4): emhInPortEtherType
        case (6, 1): emhPortDst
        case (6, 2): emhVLANPrio
        case (6, 3): emhVLANIDMACDst
        case (6, 4): emhInPortEtherType
        case (7, 1): emhInPortEtherType
        case (7, 2): emhVLANPrio
        case (7, 3): emhVLANIDMACDst
        case (7, 4): emhPortDst
        case (8, 1): emhInPort
        case (8, 2): emhEtherType
        case (8, 3): emhVLANIDMACDst
        case (8, 4): emhPortDst
        case (9, 1): emhInPort
        case (9, 2): emhVLANPrio
        case (9, 3): emhVLANIDMACDst
        case (9, 4): emhService
        case (10, 1): emhInPort
        case (10, 2): emhVLANPrio
        case (10, 3): emhMACDst
        case (10, 4): emhService
        case (11, 1): emhInPortVLANID
        case (11, 2): emhInPortMACDst
        case (11, 3): emhInPortIPv4Dst
        case (11, 4): emhInPortService
        case (12, 1): emhVLANID
        case (12, 2): emhMACDst
        case (12, 3): emhMACDstVLANID
        case (12, 4): emhMACDstVLAN
        default: nil
        }
    }

    /// Names of the fields a rule of this type is hashed by, in the order of the public tools; nil if there is none.
    public static func hashedFields(hashRevision: Int, type: Int) -> [String]? {
        switch (hashRevision, type) {
        case (1, 1): ["mac_src", "mac_dst", "vlan_id", "ethertype"]
        case (1, 2): ["ipv4_src", "ipv4_dst", "proto", "port_src", "port_dst"]
        case (2, 1): ["proto", "ipv4_src", "ipv4_dst", "mac_dst", "ethertype"]
        case (2, 2): ["proto", "ipv4_dst", "port_dst", "mac_dst", "ethertype"]
        case (2, 3): ["ipv4_src", "ipv4_dst", "mac_dst"]
        case (2, 4): ["mac_dst"]
        case (3, 1): ["in_port"]
        case (3, 2): ["vlan_prio"]
        case (3, 3): ["vlan_id", "mac_dst"]
        case (3, 4): ["vlan_id", "mac_dst", "vlan_prio"]
        case (4, 1): ["in_port"]
        case (4, 2): ["vlan_prio"]
        case (4, 3): ["vlan_id", "mac_dst"]
        case (4, 4): ["vlan_id", "mac_dst", "vlan_prio"]
        case (5, 1): ["in_port"]
        case (5, 2): ["vlan_prio"]
        case (5, 3): ["vlan_id", "mac_dst"]
        case (5, 4): ["in_port", "ethertype"]
        case (6, 1): ["port_dst"]
        case (6, 2): ["vlan_prio"]
        case (6, 3): ["vlan_id", "mac_dst"]
        case (6, 4): ["in_port", "ethertype"]
        case (7, 1): ["in_port", "ethertype"]
        case (7, 2): ["vlan_prio"]
        case (7, 3): ["vlan_id", "mac_dst"]
        case (7, 4): ["port_dst"]
        case (8, 1): ["in_port"]
        case (8, 2): ["ethertype"]
        case (8, 3): ["vlan_id", "mac_dst"]
        case (8, 4): ["port_dst"]
        case (9, 1): ["in_port"]
        case (9, 2): ["vlan_prio"]
        case (9, 3): ["vlan_id", "mac_dst"]
        case (9, 4): ["port_dst", "ipv4_dst", "proto", "ethertype"]
        case (10, 1): ["in_port"]
        case (10, 2): ["vlan_prio"]
        case (10, 3): ["mac_dst"]
        case (10, 4): ["port_dst", "ipv4_dst", "proto", "ethertype"]
        case (11, 1): ["in_port", "vlan_id"]
        case (11, 2): ["in_port", "mac_dst"]
        case (11, 3): ["in_port", "ethertype", "ipv4_dst"]
        case (11, 4): ["in_port", "ethertype", "ipv4_dst", "port_dst"]
        case (12, 1): ["vlan_id"]
        case (12, 2): ["mac_dst"]
        case (12, 3): ["mac_dst", "vlan_id"]
        case (12, 4): ["mac_dst", "vlan_id", "vlan_prio"]
        default: nil
        }
    }
}
