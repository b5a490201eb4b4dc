// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

/// `tools/fuzz kill` does as many more as are asked for.
@Suite("A process may be killed at any instant", .enabled(if: kernelTestsRun), .serialized)
struct KillTests {
    /// The `piccolo-fuzz` of this build: it lies beside the tests.
    private func tool() throws -> String {
        var candidates = CommandLine.arguments
        if let place = candidates.firstIndex(of: "--test-bundle-path"), place + 1 < candidates.count {
            candidates.insert(candidates[place + 1], at: 0)
        }
        candidates.append(URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().path)
        return try #require(
            candidates.filter { $0.contains("/") }
                .map { URL(filePath: $0).deletingLastPathComponent().appending(path: "piccolo-fuzz").path }
                .first { access($0, X_OK) == 0 }, "there is no piccolo-fuzz beside any of \(candidates)")
    }

    @Test(
        "what was acknowledged is there, what was being written is there or not, and packets go as the tables say",
        arguments: [1, 2, 3, 4])
    func killed(seed: Int) throws {
        let tool = try tool()
        try inPrivateNetworkNamespace {
            let result = try Command.run([tool, "kill", "--rounds", "10", "--seed", "\(seed)"], timeout: 300)
            #expect(result.isSuccess && result.output.hasPrefix("10 kills"), "\(result)")
        }
    }
}
