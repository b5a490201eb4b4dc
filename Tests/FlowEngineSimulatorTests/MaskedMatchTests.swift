// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import FlowEngineSimulator
import Testing

@Suite("Masked matches (EMA)")
struct MaskedMatchTests {
    /// Destination MAC of station 2 folds to 0x02 ^ 0x02 = 0, at bits 21:14.
    static let foldOf2: (data: UInt64, mask: UInt64) = (0, 1 | 0xff << 14)
    static let everything: (data: UInt64, mask: UInt64) = (0, 1)

    @Test("the TCAM selects by folded key, then the rule's fields are compared")
    func twoSteps() throws {
        let bench = try CardTrial.trustNode()
        try bench.action(1, toPort: 4)
        try bench.masked(0, action: 1, ["mac_dst": 0x0200_0000_0002], tcam: Self.foldOf2)
        #expect(bench.send(TestFrame.udp(to: 2)) == [4])
        #expect(bench.card.lastVerdict.match?.table == .masked(entry: 0))
        // Folds to zero as well, and is another address.
        #expect(bench.send(TestFrame.udp(to: 0x0302)) == [100])
        // The address of the rule, behind a TCAM entry that does not select it.
        try bench.masked(0, action: 1, ["mac_dst": 0x0200_0000_0002], tcam: (data: 1 << 14, mask: 1 | 0xff << 14))
        #expect(bench.send(TestFrame.udp(to: 2)) == [100])
    }

    @Test("open fields match anything, and a TCAM entry without its mask bit is not used")
    func open() throws {
        let bench = try CardTrial.trustNode()
        try bench.action(1, toPort: 4)
        try bench.masked(0, action: 1, ["ipv4_dst": 0x0a00_0002, "port_dst": 53], tcam: Self.everything)
        #expect(bench.send(TestFrame.udp(to: 9, from: 8, vlan: 3)) == [4])
        #expect(bench.send(TestFrame.udp(port: 54)) == [100])
        try bench.write(bench.map.emaTCAM, 0, [0, 0, 0, 0])
        #expect(bench.send(TestFrame.udp()) == [100])
    }

    @Test("every field of a rule is compared", arguments: FrameField.allCases)
    func fields(_ field: FrameField) throws {
        let bench = try CardTrial.trustNode()
        try bench.action(1, toPort: 4)
        let frame: [String: UInt64] = [
            "in_port": 3, "mac_src": 0x0200_0000_0001, "mac_dst": 0x0200_0000_0002, "ethertype": 0x0800, "vlan_id": 7,
            "vlan_prio": 5, "ipv4_src": 0x0a00_0001, "ipv4_dst": 0x0a00_0002, "proto": 17, "tos": 46,
            "port_src": 1000, "port_dst": 53,
        ]
        let bytes = TestFrame.udp(vlan: 7, priority: 5) { $0.dscp = 46 }
        let value = try #require(frame[field.layoutName])
        try bench.masked(0, action: 1, [field.layoutName: value], tcam: Self.everything)
        #expect(bench.send(bytes, port: 3) == [4])
        try bench.masked(0, action: 1, [field.layoutName: value ^ 1], tcam: Self.everything)
        #expect(bench.send(bytes, port: 3) == [103])
        try bench.masked(0, action: 1, frame, tcam: Self.everything)
        #expect(bench.send(bytes, port: 3) == [4])
    }

    @Test("a set bit in TYPE means open, or compared, as the variant says")
    func polarity() throws {
        for reading in CardVariants.TypeBitmap.allCases {
            let bench = try CardTrial.trustNode { $0.variants.emaType = reading }
            try bench.action(1, toPort: 4)
            // Bit 2: destination MAC. The rule's other fields are zero.
            try bench.maskedRule(0, type: 1 << 2, priority: 1, action: 1, ["mac_dst": 0x0200_0000_0002])
            try bench.write(bench.map.emaTCAM, 0, [0, 0, 1, 0])
            #expect(bench.send(TestFrame.udp(to: 2)) == (reading == .setIfCompared ? [4] : [100]))
        }
    }

    @Test("with several TCAM entries the first counts, or the rule of the highest priority")
    func several() throws {
        for (reading, ports) in [(CardVariants.TCAMSelection.first, [[100], [4]]), (.all, [[5], [5]])] {
            let bench = try CardTrial.trustNode { $0.variants.tcamSelection = reading }
            try bench.action(1, toPort: 4)
            try bench.action(2, toPort: 5)
            // Selected first, and its rule differs from the frame.
            try bench.masked(0, priority: 1, action: 1, ["mac_dst": 0x0200_0000_0302], tcam: Self.foldOf2)
            try bench.masked(3, priority: 9, action: 2, ["mac_dst": 0x0200_0000_0002], tcam: Self.foldOf2)
            #expect(bench.send(TestFrame.udp(to: 2)) == ports[0])
            try bench.masked(0, priority: 1, action: 1, ["mac_dst": 0x0200_0000_0002], tcam: Self.foldOf2)
            #expect(bench.send(TestFrame.udp(to: 2)) == ports[1])
        }
    }

    @Test("the VLAN's fold has only its lowest nibble")
    func vlanFold() throws {
        let bench = try CardTrial.trustNode()
        try bench.action(1, toPort: 4)
        try bench.masked(0, action: 1, ["vlan_id": 0xab7], tcam: (data: 7 << 26, mask: 1 | 15 << 26))
        #expect(bench.send(TestFrame.udp(vlan: 0xab7)) == [4])
    }

    @Test("priority in TCAM and rule is the PCP also where hashed keys have the DEI below it")
    func priorityBits() throws {
        let bench = try CardTrial.trustNode { $0.variants.vlanPriority = .pcpAndDEI }
        try bench.action(1, toPort: 4)
        try bench.masked(0, action: 1, ["vlan_prio": 5], tcam: (data: 5 << 30, mask: 1 | 7 << 30))
        #expect(bench.send(TestFrame.udp(vlan: 1, priority: 5)) == [4])
        #expect(bench.send(TestFrame.udp(vlan: 1, priority: 4)) == [100])
    }

    @Test("entries behind the depth are lost")
    func depth() throws {
        let bench = try CardTrial.trustNode { $0.variants.emaDepth = 4 }
        try bench.action(1, toPort: 4)
        try bench.masked(4, action: 1, [:], tcam: Self.everything)
        #expect(bench.send(TestFrame.udp()) == [100])
        try bench.masked(3, action: 1, [:], tcam: Self.everything)
        #expect(bench.send(TestFrame.udp()) == [4])
    }
}
