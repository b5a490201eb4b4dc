// SPDX-License-Identifier: Apache-2.0
import Comparison
import Packet
import Tables
import TestSupport
import Testing
import XDPDataPlane

/// The program in the kernel against the interpreter of the contract.
@Suite("XDP agrees with the reference", .enabled(if: kernelTestsRun), .serialized)
struct XDPAgreementTests {
    /// A million packets in all; `tools/fuzz` runs as many more as are asked for.
    @Test(
        "no verdict, byte or counter differs over random tables and packets",
        arguments: [(UInt64(1), false), (2, true), (3, false), (4, false)])
    func agrees(seed: UInt64, aclDefaultDrop: Bool) throws {
        var configuration = XDPConfiguration()
        (configuration.ipv4Flows, configuration.ipv6Flows, configuration.macs) = (4096, 4096, 4096)
        configuration.routes = 16_384
        configuration.trace = true
        configuration.multiBuffer = true
        configuration.aclDefaultDrop = aclDefaultDrop
        let xdp = try XDPDataPlane(configuration)
        let aclDefault: TableState.ACLDefault = aclDefaultDrop ? .drop : .permit
        let reference = ReferenceDataPlane(
            capacities: xdp.state.capacities, ecmpSeed: xdp.state.ecmpSeed, aclDefault: aclDefault)
        var fuzz = Fuzz(options: .init(ecmpSeed: xdp.state.ecmpSeed, aclDefault: aclDefault))
        fuzz.packetsPerWorld = 5000
        let report = fuzz.run(seed: seed, packets: 250_000, through: PacketComparison([reference, xdp]))
        #expect(report.packets == 250_000)
        #expect(report.failure == nil, "\(report.failure.map(\.description) ?? "")")
        // A frame shorter than an Ethernet header cannot be put through a test run.
        #expect(report.coverage.missing.allSatisfy { $0 == .ethernetTruncated })
    }
}
