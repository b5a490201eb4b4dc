// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

/// `tools/fuzz card` does as many more as are asked for.
@Suite("Reference, XDP and the card decide alike", .enabled(if: kernelTestsRun))
struct CardAgreementTests {
    @Test(
        "what a card decides by itself, whatever way it reads frames, is what the tables say: a million packets",
        arguments: [1, 2, 3, 4])
    func agree(seed: Int) throws {
        let tool = try Piccolo.path(of: "piccolo-fuzz")
        try inPrivateNetworkNamespace {
            let result = try Command.run(
                [tool, "card", "--packets", "250000", "--seed", "\(seed)", "--per-world", "2000"], timeout: 600)
            #expect(result.isSuccess && result.output.contains("250000 packets"), "\(result)")
        }
    }
}
