// SPDX-License-Identifier: Apache-2.0
import Glibc
import TestSupport
import Testing

@testable import BPF

@Suite("XDP links", .enabled(if: kernelTestsRun))
struct XDPLinkTests {
    @Test("a link attaches in the mode asked for and detaches when it goes", arguments: [XDPMode.native, .skb])
    func attach(mode: XDPMode) throws {
        try inPrivateNetworkNamespace {
            let veth = try makeVeth()
            let program = try loadBasic().program("answer")
            do {
                let link = try XDPLink(
                    program, interfaceIndex: veth.right, policy: XDPAttachPolicy(mode.rawValue))
                #expect(link.mode == mode && link.refusals.isEmpty)
                #expect(try XDPState(interfaceIndex: veth.right).programs == [mode: program.id])
                #expect(try link.info().interfaceIndex == veth.right)
            }
            #expect(try XDPState(interfaceIndex: veth.right).programs.isEmpty)
        }
    }

    @Test("a refused mode steps down to the next of the policy, and the reason stays visible")
    func stepDown() throws {
        try inPrivateNetworkNamespace {
            let program = try loadBasic().program("answer")
            let link = try XDPLink(program, interfaceIndex: 1, policy: .nativeThenSKB)
            #expect(link.mode == .skb)
            #expect(link.refusals.map(\.mode) == [.native])
            #expect(link.refusals.first?.errno == .operationNotSupported)
        }
    }

    @Test("what the policy does not list is not tried")
    func nativeOnly() throws {
        try inPrivateNetworkNamespace {
            let program = try loadBasic().program("answer")
            var caught: BPFError?
            do throws(BPFError) { _ = try XDPLink(program, interfaceIndex: 1, policy: .native) } catch {
                caught = error
            }
            guard case .attachRefused(1, "answer", let refusals)? = caught else {
                Issue.record("\(String(describing: caught))")
                return
            }
            #expect(refusals.map(\.mode) == [.native])
            #expect(try XDPState(interfaceIndex: 1).programs.isEmpty)
        }
    }

    @Test("a pinned link outlives its owner, is opened again, updated and removed")
    func pinned() throws {
        try inPrivateNetworkNamespace {
            let veth = try makeVeth()
            let object = try loadBasic()
            let path = "/sys/fs/bpf/node/left"
            try BPFFileSystem.createDirectory("/sys/fs/bpf/node")
            let id: UInt32
            do {
                let link = try XDPLink(object.program("answer"), interfaceIndex: veth.left, policy: .native)
                try link.pin(at: path)
                id = link.id
            }
            let next = try object.program("count_and_drop")
            do {
                let link = try XDPLink(pinned: path)
                #expect(link.id == id && link.interfaceIndex == veth.left && link.mode == .native)
                try link.update(to: next)
                #expect(try link.info().programID == next.id)
            }
            #expect(try XDPState(interfaceIndex: veth.left).programs == [.native: next.id])
            try BPFFileSystem.unpin(path)
            try eventually { try XDPState(interfaceIndex: veth.left).programs.isEmpty }
        }
    }

    @Test("an update that expects another program changes nothing")
    func compareAndSwap() throws {
        try inPrivateNetworkNamespace {
            let veth = try makeVeth()
            let object = try loadBasic()
            let first = try object.program("answer")
            let second = try object.program("count_and_drop")
            let link = try XDPLink(first, interfaceIndex: veth.left, policy: .native)
            var caught: BPFError?
            do throws(BPFError) { try link.update(to: second, replacing: second) } catch { caught = error }
            #expect(caught?.errno == .notPermitted || caught?.errno == .invalid)
            #expect(try link.info().programID == first.id)
            try link.update(to: second, replacing: first)
            #expect(try link.info().programID == second.id)
        }
    }

    @Test("a link can be detached although a pin holds it")
    func forced() throws {
        try inPrivateNetworkNamespace {
            let veth = try makeVeth()
            let link = try XDPLink(loadBasic().program("answer"), interfaceIndex: veth.left, policy: .skb)
            try link.pin(at: "/sys/fs/bpf/link")
            try link.forceDetach()
            #expect(try XDPState(interfaceIndex: veth.left).programs.isEmpty)
        }
    }

    @Test("someone else's program is named and left alone, unless replacement is asked for")
    func foreignNetlink() throws {
        try inPrivateNetworkNamespace {
            let veth = try makeVeth()
            let foreign = try loadBasic().program("count_and_drop")
            try foreign.pin(at: "/sys/fs/bpf/foreign")
            try ip("link set dev left xdp pinned /sys/fs/bpf/foreign")
            let mine = try loadBasic().program("answer")
            var caught: BPFError?
            do throws(BPFError) { _ = try XDPLink(mine, interfaceIndex: veth.left, policy: .native) } catch {
                caught = error
            }
            guard case .interfaceBusy(veth.left, let holder)? = caught else {
                Issue.record("\(String(describing: caught))")
                return
            }
            #expect(holder.programID == foreign.id && holder.programTag == foreign.tag && holder.linkID == nil)
            #expect(holder.programName == "count_and_drop" && holder.mode == .native)
            #expect(try XDPState(interfaceIndex: veth.left).programs == [.native: foreign.id])
            let link = try XDPLink(mine, interfaceIndex: veth.left, policy: .native, replaceForeign: true)
            #expect(try XDPState(interfaceIndex: veth.left).programs == [.native: mine.id])
            _ = consume link
        }
    }

    @Test("someone else's link cannot be replaced; its id and holders are told")
    func foreignLink() throws {
        try inPrivateNetworkNamespace {
            let veth = try makeVeth()
            let foreign = try XDPLink(loadBasic().program("answer"), interfaceIndex: veth.left, policy: .native)
            try foreign.pin(at: "/sys/fs/bpf/theirs")
            let mine = try loadBasic().program("answer")
            var caught: BPFError?
            do throws(BPFError) {
                _ = try XDPLink(mine, interfaceIndex: veth.left, policy: .native, replaceForeign: true)
            } catch { caught = error }
            guard case .interfaceBusy(_, let holder)? = caught else {
                Issue.record("\(String(describing: caught))")
                return
            }
            #expect(holder.linkID == foreign.id)
            #expect(holder.linkHolders.contains("pin /sys/fs/bpf/theirs"))
            #expect(holder.linkHolders.contains { $0.hasPrefix("process \(getpid()) ") })
        }
    }

    @Test("an interface that is not there is an error with its number")
    func noInterface() throws {
        try inPrivateNetworkNamespace {
            let program = try loadBasic().program("answer")
            var caught: BPFError?
            do throws(BPFError) { _ = try XDPLink(program, interfaceIndex: 4711, policy: .native) } catch {
                caught = error
            }
            #expect(caught?.errno?.name == "ENODEV" && "\(caught as Any)".contains("4711"))
        }
    }
}

@Suite("XDP mode policy")
struct XDPAttachPolicyTests {
    @Test("a list keeps its order", arguments: ["native", "skb", "native,skb", "skb,native", "hardware,native,skb"])
    func parses(text: String) throws {
        #expect(try XDPAttachPolicy(text).description == text)
    }

    @Test("spaces around the words do not matter")
    func spaces() throws {
        #expect(try XDPAttachPolicy("native, skb") == .nativeThenSKB)
    }

    @Test(
        "anything else is refused with what would be right",
        arguments: ["", "auto", "native,", "native;skb", "skb,skb"])
    func refuses(text: String) {
        var caught: BPFError?
        do throws(BPFError) { _ = try XDPAttachPolicy(text) } catch { caught = error }
        let words = "\(caught as Any)"
        #expect(words.contains("\"\(text)\"") || words.contains("\\\"\(text)\\\""))
        #expect(words.contains("native,skb") || words.contains("listed twice"))
    }
}
