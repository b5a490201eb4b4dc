// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import TestSupport
import Testing

@testable import BPF

@Suite("Features and failures of the system", .enabled(if: kernelTestsRun))
struct SystemTests {
    @Test("the probe finds what this kernel has")
    func features() throws {
        try inPrivateNetworkNamespace {
            let features = BPFFeatures.probe()
            #expect(features.hasXDP && features.hasRingBuffer && features.possibleCPUs > 0)
            #expect(features.capabilities?.contains(.bpf) == true)
            #expect(features.bpfFileSystems.contains { $0.path == "/sys/fs/bpf" && !$0.isReadOnly })
            #expect(features.facts.first { $0.name == "bpffs" }?.remedy == nil)
        }
    }

    @Test("without capabilities a load names the one that is missing")
    func capabilities() throws {
        try inPrivateNetworkNamespace {
            let open = try openBasic()
            try #require(bpf_shim_drop_capabilities() == 0)
            var caught: BPFError?
            do throws(BPFError) { _ = try open.load() } catch { caught = error }
            guard case .missingCapability(_, "basic", let missing)? = caught else {
                Issue.record("\(String(describing: caught))")
                return
            }
            #expect(missing.contains(.bpf) && missing.contains(.netAdmin))
            #expect(BPFFeatures.probe().facts.first { $0.name == "capabilities" }?.remedy?.contains("CAP_BPF") == true)
        }
    }

    @Test("a pin where no BPF file system is says how to mount one")
    func notMounted() throws {
        try inPrivateNetworkNamespace {
            let map = try loadBasic().map("table")
            // The private one, and the machine's if it has one.
            while BPFFileSystem.contains("/sys/fs/bpf") { try #require(umount("/sys/fs/bpf") == 0) }
            var words: [String] = []
            do throws(BPFError) { try map.pin(at: "/sys/fs/bpf/table") } catch { words.append("\(error)") }
            do throws(BPFError) { try BPFFileSystem.createDirectory("/sys/fs/bpf/node") } catch {
                words.append("\(error)")
            }
            #expect(words.count == 2)
            #expect(words.allSatisfy { $0.contains("mount -t bpf bpf /sys/fs/bpf") })
        }
    }

    @Test("a read-only BPF file system is called that")
    func readOnly() throws {
        try inPrivateNetworkNamespace {
            let map = try loadBasic().map("table")
            try #require(mount("bpf", "/sys/fs/bpf", nil, UInt(MS_REMOUNT | MS_BIND | MS_RDONLY), nil) == 0)
            var count = 0
            do throws(BPFError) { try map.pin(at: "/sys/fs/bpf/table") } catch {
                if case .readOnlyBPFFileSystem = error { count += 1 } else { Issue.record("\(error)") }
            }
            do throws(BPFError) { try BPFFileSystem.createDirectory("/sys/fs/bpf/node") } catch {
                if case .readOnlyBPFFileSystem = error { count += 1 } else { Issue.record("\(error)") }
            }
            #expect(count == 2)
            #expect(BPFFeatures.probe().facts.first { $0.name == "bpffs" }?.remedy != nil)
        }
    }

    @Test("a pin of another kind is refused instead of misread")
    func wrongKind() throws {
        try inPrivateNetworkNamespace {
            try loadBasic().map("table").pin(at: "/sys/fs/bpf/table")
            var words: [String] = []
            do throws(BPFError) { _ = try Program(pinned: "/sys/fs/bpf/table") } catch { words.append("\(error)") }
            do throws(BPFError) { _ = try XDPLink(pinned: "/sys/fs/bpf/table") } catch { words.append("\(error)") }
            #expect(words.count == 2 && words.allSatisfy { $0.contains("a map") })
        }
    }

    @Test("programs, maps and links are gone with their owners")
    func nothingLeft() throws {
        try inPrivateNetworkNamespace {
            let veth = try makeVeth()
            var program: UInt32 = 0
            var map: UInt32 = 0
            var link: UInt32 = 0
            do {
                let object = try loadBasic()
                let attached = try XDPLink(object.program("answer"), interfaceIndex: veth.left, policy: .native)
                let array = try MappedArray(object.map("shared"))
                let ring = try RingBuffer(object.map("events"))
                program = try object.program("answer").id
                map = try object.map("shared").id
                link = attached.id
                let held = BPFInventory.snapshot()
                #expect(held.programs.contains { $0.id == program && $0.name == "answer" })
                #expect(held.maps.contains { $0.id == map && $0.name == "shared" })
                #expect(held.links.contains { $0.id == link && $0.interfaceIndex == veth.left })
                #expect(array.count == 3 && ring.capacity == 4096)
            }
            try eventually {
                let left = BPFInventory.snapshot()
                return !left.programs.contains { $0.id == program } && !left.maps.contains { $0.id == map }
                    && !left.links.contains { $0.id == link }
            }
        }
    }

    @Test("every error number that can be met has a name and a meaning")
    func names() {
        #expect(KernelErrno(rawValue: 524).description.hasPrefix("ENOTSUPP (524, "))
        #expect(KernelErrno(rawValue: EBUSY).name == "EBUSY")
        #expect(KernelErrno(rawValue: 4095).name == "errno 4095")
    }
}
