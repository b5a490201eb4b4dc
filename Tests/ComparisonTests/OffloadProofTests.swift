// SPDX-License-Identifier: Apache-2.0
import Comparison
import Tables
import Testing

@Suite("Proofs of megaflows are held to the reference")
struct OffloadProofTests {
    @Test("what is proven of a megaflow, the reference does with every one of its frames")
    func proofsHold() {
        var check = OffloadCheck()
        for seed in 1...250 as ClosedRange<UInt64> { check.run(seed: seed, megaflows: 200, packetsEach: 100) }
        #expect(check.counterexamples.isEmpty, "\(check.counterexamples.first?.description ?? "")")
        // It says something only if proofs are given, of each kind and for many reasons.
        #expect(check.packets > 150_000)
        #expect(check.forwarded > 8000)
        #expect(check.drops > 2500)
        #expect(check.forwards > 150)
        #expect(check.refreshing > 200)
        #expect(check.refusals > 1000)
        let missing = Set(
            [.acl, .mac, .samePort, .vlanIngress, .vlanEgress, .sourceMAC, .port, .unknownUnicast, .route, .flowCache]
                as [Reason]
        ).subtracting(check.reasons.keys)
        #expect(missing.isEmpty)
    }
}
