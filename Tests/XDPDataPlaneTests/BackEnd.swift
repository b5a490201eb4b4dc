// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// The back ends that keep the laws of `DataPlane`.
enum BackEnd: String, CaseIterable, CustomTestStringConvertible {
    case reference, xdp

    var testDescription: String { rawValue }

    /// A data plane with room for these entries.
    func make(
        ipv4Flows: Int = 1024, ipv6Flows: Int = 512, macs: Int = 512, routes: Int = 512, acl: Int = 64
    ) throws -> any DataPlane & PacketProcessor {
        switch self {
        case .reference:
            return ReferenceDataPlane(
                capacities: [
                    .flowCache: ipv4Flows + ipv6Flows, .mac: macs, .ipv4: routes, .ipv6: routes, .acl: acl,
                ], ecmpSeed: HashSeed(FastPath.seeds(4711)[2]))
        case .xdp:
            var configuration = XDPConfiguration.forTests
            (configuration.ipv4Flows, configuration.ipv6Flows) = (ipv4Flows, ipv6Flows)
            (configuration.macs, configuration.routes, configuration.aclEntries) = (macs, routes, acl)
            return try XDPDataPlane(configuration)
        }
    }

    func run(_ body: (any DataPlane & PacketProcessor) throws -> Void) throws {
        try inPrivateNetworkNamespace {
            let plane = try make()
            #expect(plane.write(SmallWorld.inserts).allSatisfy { $0 == .applied })
            try body(plane)
        }
    }
}
