// SPDX-License-Identifier: Apache-2.0
import CFastPath
import Foundation
import Tables
import Testing

@testable import XDPDataPlane

/// What `fastpath_abi.h` says and Swift says again must be the same.
@Suite("The layout shared with the programs")
struct LayoutTests {
    @Test("reasons have the same numbers and names in C and in Swift")
    func reasons() {
        #expect(Int(FP_REASON_COUNT) == Reason.allCases.count)
        for code in 0..<UInt32(FP_REASON_SLOTS) {
            let name = fp_reason_name(code).map { String(cString: $0) }
            #expect(name == Reason(rawValue: UInt8(code))?.name, "reason \(code)")
        }
        for reason in Reason.allCases { #expect(Reason(name: reason.name) == reason) }
    }

    @Test("dispositions have the same numbers in C and in Swift")
    func dispositions() {
        #expect(UInt32(Disposition.forward.rawValue) == FP_FORWARD.rawValue)
        #expect(UInt32(Disposition.drop.rawValue) == FP_DROP.rawValue)
        #expect(UInt32(Disposition.kernel.rawValue) == FP_KERNEL.rawValue)
        #expect(UInt32(Disposition.cpu.rawValue) == FP_CPU.rawValue)
        #expect(Disposition.allCases.count == 4)
    }

    @Test("flooding policies have the same numbers in C and in Swift")
    func policies() {
        #expect(UInt32(FloodPolicy.flood.rawValue) == FP_FLOOD.rawValue)
        #expect(UInt32(FloodPolicy.drop.rawValue) == FP_FLOOD_DROP.rawValue)
        #expect(UInt32(FloodPolicy.kernel.rawValue) == FP_FLOOD_KERNEL.rawValue)
    }

    @Test("every field of an action word is where the programs look for it")
    func actionWord() {
        for disposition in Disposition.allCases {
            for reason in Reason.allCases {
                let word = ActionWord(
                    disposition, index: 0x2f00d, flags: 0, reason: reason, generation: 0xbeef, epoch: 0xcafe)
                #expect(fp_action_index(word.rawValue) == 0x2f00d && word.index == 0x2f00d)
                #expect(fp_action_disposition(word.rawValue) == UInt32(disposition.rawValue))
                #expect(fp_action_reason(word.rawValue) == UInt32(reason.rawValue))
                #expect(fp_action_generation(word.rawValue) == 0xbeef && word.generation == 0xbeef)
                #expect(word.rawValue >> UInt64(FP_ACTION_EPOCH_SHIFT) == 0xcafe && word.epoch == 0xcafe)
                #expect(word.disposition == disposition && word.reason == reason)
            }
        }
        // The single bits as the header's comment numbers them; C's shifted constants do not reach Swift.
        #expect(ActionWord.valid == 1 << 18 && ActionWord.isStatic == 1 << 19 && ActionWord.aclDone == 1 << 20)
        #expect(ActionWord.mirror == 1 << 21 && ActionWord.toPort == 1 << 24 && ActionWord.permitOrGroup == 1 << 25)
        #expect(FP_ACTION_DISPOSITION_SHIFT == 22 && FP_ACTION_REASON_SHIFT == 26)
        #expect(FP_ACTION_GENERATION_SHIFT == 32 && FP_ACTION_EPOCH_SHIFT == 48)
        #expect(ActionWord.decisionMask == 1 << UInt64(FP_ACTION_EPOCH_SHIFT) - 1)
    }

    @Test("records keep their sizes, and those in arrays stay aligned")
    func sizes() {
        #expect(MemoryLayout<fp_counter>.size == 16 && MemoryLayout<fp_station>.size == 24)
        #expect(MemoryLayout<fp_port>.size == 256 && MemoryLayout<fp_vlan>.size == 64)
        #expect(MemoryLayout<fp_rewrite>.size == 24 && MemoryLayout<fp_nexthop>.size == 64)
        #expect(MemoryLayout<fp_nexthop_group>.size == 256 && MemoryLayout<fp_route>.size == 16)
        #expect(MemoryLayout<fp_acl_rule>.size == 192 && MemoryLayout<fp_acl_key>.size == 64)
        #expect(MemoryLayout<fp_entry32>.size == 32 && MemoryLayout<fp_entry64>.size == 64)
        for size in [
            MemoryLayout<fp_event>.size, MemoryLayout<fp_event_budget>.size, MemoryLayout<fp_trace>.size,
            MemoryLayout<fp_settings>.size, MemoryLayout<fp_acl_rule>.size, MemoryLayout<fp_port>.size,
        ] { #expect(size % 8 == 0) }
    }

    @Test("words that are read whole are aligned, and the first line of the settings is one line")
    func offsets() {
        #expect(MemoryLayout<fp_entry32>.offset(of: \.action) == ExactMatchKey32.actionOffset)
        #expect(MemoryLayout<fp_entry32>.offset(of: \.count) == ExactMatchKey32.countOffset)
        #expect(MemoryLayout<fp_entry64>.offset(of: \.action) == ExactMatchKey64.actionOffset)
        #expect(MemoryLayout<fp_entry64>.offset(of: \.count) == ExactMatchKey64.countOffset)
        #expect(MemoryLayout<fp_settings>.offset(of: \.generation) == 0)
        #expect(MemoryLayout<fp_settings>.offset(of: \.epoch) == 2)
        #expect(MemoryLayout<fp_settings>.offset(of: \.acl) == 8)
        #expect(MemoryLayout<fp_settings>.offset(of: \.seed) == 64)
        #expect(MemoryLayout<pt_roots>.size == (Int(pt_first_node()) - 1) * MemoryLayout<pt_node>.size)
        #expect(MemoryLayout<fp_port>.offset(of: \.stations) == 24)
        #expect(MemoryLayout<fp_rewrite>.offset(of: \.source) == 6)
        #expect((MemoryLayout<fp_acl_rule>.offset(of: \.action) ?? 1) % 8 == 0)
        #expect((MemoryLayout<fp_event>.offset(of: \.key) ?? 1) % 8 == 0)
    }

    @Test("limits of the model are those of the layout")
    func limits() {
        #expect(Int(PortID.maximum) + 1 == Int(FP_MAX_PORTS))
        #expect(CoarseTime.millisecondsPerTick == Int64(FP_EPOCH_MILLISECONDS))
        #expect(ReferenceDataPlane.packetInMaximum == Int(FP_PACKET_IN_LARGE))
        #expect(fp_verdict_slot(63, 3, 63) == UInt32(FP_MAX_PORTS) * 4 * UInt32(FP_REASON_SLOTS) - 1)
    }

    @Test("the layout has no unions: each record means one thing")
    func noUnions() throws {
        let header = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../bpf/include/fastpath_abi.h")
        let text = try String(contentsOf: header.standardizedFileURL, encoding: .utf8)
        #expect(text.contains("struct fp_event {") && !text.contains("union"))
    }

    @Test("keys survive the way into words and back")
    func keys() {
        let four = FlowKey(
            routerInterface: .init(rawValue: 1023), source: SmallWorld.address("1.2.3.4"),
            destination: SmallWorld.address("250.251.252.253"), ipProtocol: 6, sourcePort: 0x1234,
            destinationPort: 0xfedc)
        #expect(KeyWords.flow4(KeyWords.addresses4(four), KeyWords.last(four)) == four)
        let six = FlowKey(
            routerInterface: .init(rawValue: 7), source: SmallWorld.address("fd00:1:2:3:4:5:6:7"),
            destination: SmallWorld.address("2001:db8::8765"), ipProtocol: 58, sourcePort: 128 << 8)
        let words = ExactMatchKey64(six)
        #expect(KeyWords.flow6(words.word0, words.word1, words.word2, words.word3, words.word4) == six)
    }
}
