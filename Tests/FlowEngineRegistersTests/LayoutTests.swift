// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Testing

@Suite("Layouts of the tables' entries")
struct LayoutTests {
    /// Every public key: hash revision, type, and `field lowest-bit+width` from bit 40 on.
    static let keys: [(revision: Int, type: Int, fields: String)] = [
        (1, 1, "mac_src 40+48, mac_dst 88+48, vlan_id 136+12, unused 148+4, ethertype 152+16"),
        (1, 2, "ipv4_src 40+32, ipv4_dst 72+32, proto 104+8, port_src 112+16, port_dst 128+16"),
        (3, 1, "in_port 40+5"), (3, 2, "vlan_prio 40+16"), (3, 3, "vlan_id 40+12, mac_dst 52+48"),
        (3, 4, "vlan_id 40+12, mac_dst 52+48, vlan_prio 100+4"),
        (4, 1, "in_port 40+5"), (4, 2, "vlan_prio 40+16"), (4, 3, "vlan_id 40+12, mac_dst 52+48"),
        (4, 4, "vlan_id 40+12, mac_dst 52+48, vlan_prio 100+4"),
        (5, 1, "in_port 40+5"), (5, 2, "vlan_prio 40+16"), (5, 3, "vlan_id 40+12, mac_dst 52+48"),
        (5, 4, "in_port 40+5, ethertype 45+16"),
        (6, 1, "port_dst 40+16"), (6, 2, "vlan_prio 40+16"), (6, 3, "vlan_id 40+12, mac_dst 52+48"),
        (6, 4, "in_port 40+5, ethertype 45+16"),
        (7, 1, "in_port 40+5, ethertype 45+16"), (7, 2, "vlan_prio 40+16"), (7, 3, "vlan_id 40+12, mac_dst 52+48"),
        (7, 4, "port_dst 40+16"),
        (8, 1, "in_port 40+5"), (8, 2, "ethertype 40+16"), (8, 3, "vlan_id 40+12, mac_dst 52+48"),
        (8, 4, "port_dst 40+16"),
        (9, 1, "in_port 40+5"), (9, 2, "vlan_prio 40+16"), (9, 3, "vlan_id 40+12, mac_dst 52+48"),
        (9, 4, "port_dst 40+16, ipv4_dst 56+32, proto 88+8, ethertype 96+16"),
        (10, 1, "in_port 40+5"), (10, 2, "vlan_prio 40+16"), (10, 3, "mac_dst 40+48"),
        (10, 4, "port_dst 40+16, ipv4_dst 56+32, proto 88+8, ethertype 96+16"),
        (11, 1, "in_port 40+5, vlan_id 45+12"), (11, 2, "in_port 40+5, mac_dst 45+48"),
        (11, 3, "in_port 40+5, ethertype 45+16, ipv4_dst 61+32"),
        (11, 4, "in_port 40+5, ethertype 45+16, ipv4_dst 61+32, port_dst 93+16"),
        (12, 1, "vlan_id 40+12"), (12, 2, "mac_dst 40+48"), (12, 3, "mac_dst 40+48, vlan_id 88+12"),
        (12, 4, "mac_dst 40+48, vlan_id 88+12, vlan_prio 100+16"),
    ]

    static func text(_ fields: some Sequence<EntryField>) -> String {
        fields.map { "\($0.name) \($0.lowestBit)+\($0.width)" }.joined(separator: ", ")
    }

    @Test("a hashed rule has the key of its hash revision and type, behind the same head")
    func rules() throws {
        for key in Self.keys {
            let layout = try #require(
                FlowCacheLayouts.emhRule(hashRevision: key.revision, type: key.type), "\(key.revision) \(key.type)")
            #expect(Self.text(layout.fields.prefix(4)) == "valid 0+1, type 1+5, priority 8+8, action_id 16+24")
            #expect(Self.text(layout.fields.dropFirst(4)) == key.fields, "revision \(key.revision), type \(key.type)")
            #expect(layout.words == 9)
        }
    }

    @Test("what no public source describes has no layout")
    func none() {
        let known = Set(Self.keys.map { [$0.revision, $0.type] })
        for revision in -1...20 {
            for type in -1...6 where !known.contains([revision, type]) {
                #expect(FlowCacheLayouts.emhRule(hashRevision: revision, type: type) == nil, "\(revision) \(type)")
            }
        }
        #expect(FlowCacheLayouts.hashRevisions == Array(1...12))
    }

    @Test("a rule is hashed by its key; of revision 2 only that is public")
    func hashed() throws {
        for key in Self.keys {
            let layout = try #require(FlowCacheLayouts.emhRule(hashRevision: key.revision, type: key.type))
            let names = layout.fields.dropFirst(4).map(\.name).filter { $0 != "unused" }
            #expect(FlowCacheLayouts.hashedFields(hashRevision: key.revision, type: key.type) == names)
        }
        func two(_ type: Int) -> [String]? { FlowCacheLayouts.hashedFields(hashRevision: 2, type: type) }
        #expect(two(1) == ["proto", "ipv4_src", "ipv4_dst", "mac_dst", "ethertype"])
        #expect(two(2) == ["proto", "ipv4_dst", "port_dst", "mac_dst", "ethertype"])
        #expect(two(3) == ["ipv4_src", "ipv4_dst", "mac_dst"])
        #expect(two(4) == ["mac_dst"])
        #expect(two(5) == nil)
        #expect(FlowCacheLayouts.hashedFields(hashRevision: 1, type: 3) == nil)
    }

    @Test("masked rules, their folded keys, actions, overwrites and hash entries")
    func others() {
        #expect(
            Self.text(FlowCacheLayouts.emaRule.fields)
                == "valid 0+1, type 1+12, priority 13+8, action_id 21+24, in_port 45+5, mac_src 50+48, mac_dst 98+48, "
                + "ethertype 146+16, vlan_id 162+12, vlan_prio 174+3, ipv4_src 177+32, ipv4_dst 209+32, proto 241+8, "
                + "tos 249+6, port_src 255+16, port_dst 271+16, reserved 287+1")
        #expect(FlowCacheLayouts.emaRule.words == 9)
        let folds = FlowCacheLayouts.emaTCAM.fields.map { ($0.name, $0.lowestBit, $0.width) }
        let widths = [1, 5, 8, 8, 4, 4, 3, 8, 8, 4, 3, 4, 4]
        #expect(folds.map(\.2) == widths + widths)
        #expect(folds.map(\.1) == (widths + widths).indices.map { (widths + widths)[..<$0].reduce(0, +) })
        #expect(folds[13].0 == "mask_used" && folds[13].1 == 64)
        #expect(FlowCacheLayouts.emaTCAM.words == 4)
        #expect(
            Self.text(FlowCacheLayouts.action.fields)
                == "out_port_enable 0+1, out_port 1+5, bad_enable 6+1, cut_enable 7+1, ones 8+24")
        #expect(Self.text(FlowCacheLayouts.emhHash.fields) == "rule_pointer 0+9, ones 9+23")
        #expect(
            Self.text(FlowCacheLayouts.overwrite.fields)
                == "mac_dst_valid 0+1, mac_src_valid 1+1, ipv4_dst_valid 2+1, ipv4_src_valid 3+1, port_dst_valid 4+1, "
                + "port_src_valid 5+1, unused 6+58, mac_dst 64+48, mac_src 112+48, ipv4_dst 160+32, ipv4_src 192+32, "
                + "port_dst 224+16, port_src 240+16")
        #expect(FlowCacheLayouts.overwrite.words == 8)
        #expect(
            Self.text(FlowCacheLayouts.actionIDGate.fields)
                == "index 0+10, gate_enable 12+1, ipv_wildcard 13+1, gate 14+4")
        #expect(Self.text(FlowCacheLayouts.actionIDOverwrite.fields) == "index 0+10, overwrite 16+7")
    }

    /// The number at some bits of an entry's words.
    static func number(_ words: [UInt32], _ field: EntryField) -> UInt64 {
        (0..<field.width).reduce(0) { number, bit in
            let place = field.lowestBit + bit
            return number | UInt64(words[place / 32] >> UInt32(place % 32) & 1) << UInt64(bit)
        }
    }

    @Test("the words of the vendor's example for use case 1 mean what it says")
    func vendor() throws {
        let rule = FlowCacheLayouts.emhRuleUseCase1
        let examples: [(words: [UInt32], action: UInt64, queue: UInt64, priority: UInt64)] = [
            ([0x0001_ff09, 0x0000_0100], 1, 0, 0), ([0x0031_ff09, 0x0030_0100], 1, 3, 3),
            ([0x0072_ff09, 0x0070_0100], 2, 7, 7),
        ]
        for example in examples {
            func field(_ name: String) throws -> UInt64 { Self.number(example.words, try #require(rule[name])) }
            #expect(try field("valid") == 1)
            #expect(try field("type") == 4)
            #expect(try field("priority") == 255)
            #expect(try field("vlan_id") == 1)
            #expect(try field("vlan_prio") == example.priority)
            let id = [UInt32(try field("action_id"))]
            let layout = FlowCacheLayouts.actionIDUseCase1
            #expect(Self.number(id, try #require(layout["index"])) == example.action)
            #expect(Self.number(id, try #require(layout["queue"])) == example.queue)
        }
        let action = FlowCacheLayouts.actionUseCase1
        for (word, port) in [(0x11, 2), (0x01, 0)] as [(UInt32, UInt64)] {
            #expect(Self.number([word], try #require(action["out_port_enable"])) == 1)
            #expect(Self.number([word], try #require(action["out_port"])) == port)
        }
        // No public header has these places: the TrustNode's action word would send to port 8.
        #expect(Self.number([0x11], try #require(FlowCacheLayouts.action["out_port"])) == 8)
    }
}
