// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Glibc
import TestSupport
import Testing

@testable import XDPDataPlane

@Suite("Pinned sets of programs and tables", .enabled(if: kernelTestsRun))
struct PinnedSetTests {
    private let sets = PinnedSets(directory: "/sys/fs/bpf/node")

    private func names() -> [String] { BPFFileSystem.names(in: sets.directory) }

    @Test("a set is opened as it was pinned: the same kernel objects, sizes, seeds and build")
    func opened() throws {
        try inPrivateNetworkNamespace {
            var configuration = XDPConfiguration.forTests
            (configuration.hashSeed, configuration.multiBuffer) = (nil, true)
            let first = try FastPath(configuration)
            #expect(first.created == Set(FastPath.mapNames).union(["recent", "scratch"]))
            let number = try sets.add(first)
            #expect(number == 1 && sets.numbers == [1] && names() == ["set-1"])
            let second = try FastPath(pinned: sets.path(1))
            #expect(second.created.isEmpty && second.sizes == first.sizes && second.seeds == first.seeds)
            #expect(second.build == FastPath.build(of: try FastPath.embeddedImage(), configuration))
            #expect(second.settings.pointee.created == first.settings.pointee.created && first.build == second.build)
            #expect(second.nameKey == first.nameKey && first.nameKey.0 != 0)
            for name in FastPath.mapNames { #expect(try first.map(name).id == second.map(name).id, "\(name)") }
            for name in FastPath.programNames { #expect(first.programID(name) == second.programID(name), "\(name)") }
            #expect(try second.map("chain").programID(at: 15) == second.programID("xdp_resume"))
            second.settings.pointee.event_budget = 77
            #expect(first.settings.pointee.event_budget == 77)
        }
    }

    @Test("the build tells images, sizes and load-time settings apart")
    func build() throws {
        let image = try FastPath.embeddedImage()
        var seen: Set<UInt64> = [FastPath.build(of: image, .forTests)]
        var other = image
        other[other.count / 2] ^= 1
        seen.insert(FastPath.build(of: other, .forTests))
        for change in [
            { $0.ipv4Flows += 4 }, { $0.ipv6Flows += 4 }, { $0.macs += 4 }, { $0.routes += 1 }, { $0.trace.toggle() },
            { $0.multiBuffer.toggle() },
        ] as [(inout XDPConfiguration) -> Void] {
            var configuration = XDPConfiguration.forTests
            change(&configuration)
            seen.insert(FastPath.build(of: image, configuration))
        }
        #expect(seen.count == 8)
    }

    @Test("a load takes over the maps that agree, and makes those that do not")
    func reuse() throws {
        try inPrivateNetworkNamespace {
            let first = try FastPath(.forTests)
            let same = try FastPath(.forTests, reusing: first)
            #expect(same.created == [FastPath.constants])
            for name in FastPath.mapNames where name != FastPath.constants {
                #expect(try first.map(name).id == same.map(name).id, "\(name)")
            }
            #expect(same.programID("xdp_fastpath") != first.programID("xdp_fastpath"))
            #expect(same.seeds == first.seeds && same.settings.pointee.created == first.settings.pointee.created)
            var larger = XDPConfiguration.forTests
            larger.macs *= 2
            let grown = try FastPath(larger, reusing: first)
            #expect(grown.created == [FastPath.constants, "mac", "mac_spill"])
            #expect(grown.sizes.macBuckets > first.sizes.macBuckets)
        }
    }

    @Test("sizes that are there give the number of entries they were made for, or the most that need no more")
    func capacities() {
        var small = XDPConfiguration()
        for entries in [1, 7, 64, 1000, 1024, 4097, 131_072] {
            (small.ipv4Flows, small.ipv6Flows, small.macs, small.routes) = (entries, entries, entries, entries)
            let sizes = FastPathSizes(small)
            #expect(sizes.capacities(for: small).ipv4Flows == entries && sizes.capacities(for: small).routes == entries)
            let other = sizes.capacities(for: XDPConfiguration())
            #expect(FastPathSizes(other) == sizes, "\(entries)")
            #expect(other.ipv4Flows >= entries && other.routes >= entries)
        }
    }

    @Test("what a killed process left half made or half removed goes; what is not ours stays")
    func leftovers() throws {
        try inPrivateNetworkNamespace {
            let fastPath = try FastPath(.forTests)
            _ = try sets.add(fastPath)
            for name in ["new-7", "gone-3", "set-x", "other", "new-"] {
                try BPFFileSystem.createDirectory("\(sets.directory)/\(name)")
                try fastPath.map("vlans").pin(at: "\(sets.directory)/\(name)/vlans")
            }
            sets.removeLeftovers()
            #expect(names() == ["new-", "other", "set-1", "set-x"])
            #expect(sets.numbers == [1] && sets.current() == 1)
            #expect(try sets.add(fastPath) == 2)
            sets.drop(1)
            #expect(names() == ["new-", "other", "set-2", "set-x"])
        }
    }
}
