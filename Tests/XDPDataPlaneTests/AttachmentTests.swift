// SPDX-License-Identifier: Apache-2.0
import BPF
import Glibc
import Netlink
import Packet
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

@Suite("Ports are attached as asked, and everything that was refused can be seen", .enabled(if: kernelTestsRun))
struct AttachmentTests {
    typealias W = SmallWorld

    private func error(_ body: () throws -> Void) -> String {
        do { try body() } catch { return "\(error)" }
        return "no error"
    }

    @Test("a driver without native XDP: native alone is refused, native,skb steps down and says why")
    func stepDown() throws {
        try inPrivateNetworkNamespace {
            let plane = try XDPDataPlane(.forTests)
            let refused = error { try plane.attach(W.port(1), interfaceIndex: 1, policy: .native) }
            #expect(refused.contains("EOPNOTSUPP") && refused.contains("native"), "\(refused)")
            #expect(plane.attachedPorts.isEmpty)
            let attachment = try plane.attach(W.port(1), interfaceIndex: 1, policy: .nativeThenSKB)
            #expect(attachment.mode == .skb && attachment.refusals.map(\.mode) == [.native])
            #expect(attachment.refusals.first?.errno.name == "EOPNOTSUPP")
            #expect(plane.attachedPorts == [attachment])
            plane.detach(W.port(1))
            #expect(plane.attachedPorts.isEmpty)
            #expect(try XDPState(interfaceIndex: 1).programs.isEmpty)
        }
    }

    @Test("someone else's program is named and left alone, or replaced when asked")
    func foreign() throws {
        try LiveNode.run { node in
            let index = if_nametoindex("p1")
            let other = try XDPDataPlane(.forTests)
            let busy = error { try other.attach(W.port(1), interfaceIndex: index, policy: .native) }
            #expect(busy.contains("xdp_fastpath") && busy.contains("bpf_link"), "\(busy)")
            let still = error {
                try other.attach(W.port(1), interfaceIndex: index, policy: .native, replaceForeign: true)
            }
            #expect(still.contains("xdp_fastpath") && other.attachedPorts.isEmpty, "\(still)")

            node.xdp.detach(W.port(1))
            try other.fastPathProgram().pin(at: "/sys/fs/bpf/foreign")
            try Command.check("ip", "link", "set", "dev", "p1", "xdp", "pinned", "/sys/fs/bpf/foreign")
            let named = error { try node.xdp.attach(W.port(1), interfaceIndex: index, policy: .native) }
            #expect(named.contains("xdp_fastpath") && named.contains("netlink"), "\(named)")
            #expect(node.xdp.attachedPorts.map(\.port) == [W.port(2)])
            try node.xdp.attach(W.port(1), interfaceIndex: index, policy: .native, replaceForeign: true)
            let program = try node.xdp.fastPathProgram()
            #expect(try XDPState(interfaceIndex: index).programs == [.native: program.id])
            let verdicts = try node.send([LiveNode.udp(to: "10.0.2.2", number: 1)], from: 1)
            #expect(node.tap(2).frames(1, where: isTestTraffic) == verdicts.map(\.output))
        }
    }

    @Test("MTU 9000: native needs a program that copes with fragments, whose large frames the kernel forwards")
    func jumbo() throws {
        try inPrivateNetworkNamespace {
            let topology = try RouterTopology(mtu: 9000)
            try topology.node.run {
                let plane = try XDPDataPlane(.forTests)
                let refused = error {
                    try plane.attach(W.port(1), interfaceIndex: if_nametoindex("p1"), policy: .native)
                }
                #expect(refused.contains("native") && refused.contains("ERANGE"), "\(refused)")
                let attachment = try plane.attach(
                    W.port(1), interfaceIndex: if_nametoindex("p1"), policy: .nativeThenSKB)
                #expect(attachment.mode == .skb && attachment.refusals.count == 1)
            }
        }
        var configuration = XDPConfiguration.forTests
        configuration.multiBuffer = true
        try LiveNode.run(mtu: 9000, configuration: configuration) { node in
            for number in 1...2 as ClosedRange<UInt16> {
                var port = PortEntry(port: W.port(number))
                port.mtu = 9000
                node.apply([.modify(.port(port))])
            }
            for text in ["10.0.2.2", "fd00:2::2"] {
                node.tap(2).forget()
                for (place, payload) in [40, 1400, 3000, 8900].enumerated() {
                    let verdicts = try node.send([LiveNode.udp(to: text, number: 1, payload: payload)], from: 1)
                    let found = node.tap(2).frames(place + 1, where: isTestTraffic)
                    // Whether fast path or kernel: what leaves is the same.
                    #expect(found.last == verdicts.first?.output, "\(text) \(payload)")
                }
            }
            #expect(node.count(1, .kernel, .multiBuffer) >= 2)
            #expect(node.count(1, .forward, .route) >= 4)
        }
    }

    @Test("an interface that vanishes takes its port down and nothing else; it can come back")
    func interfaceGone() throws {
        try LiveNode.run(hosts: 3) { node in
            var netlink = try NetlinkSocket()
            try netlink.deleteLink(netlink.link(named: "p2").index)
            _ = try node.send([LiveNode.udp(to: "10.0.2.2", number: 1)], from: 1)
            for _ in 0..<5000 where node.count(1, .kernel, .egressPortDown) == 0 { usleep(1000) }
            #expect(node.count(1, .kernel, .egressPortDown) == 1)
            let verdicts = try node.send([LiveNode.udp(to: "10.0.3.2", number: 2)], from: 1)
            #expect(node.tap(3).frames(1, where: isTestTraffic) == verdicts.map(\.output))
            node.xdp.detach(W.port(2))
            #expect(node.xdp.attachedPorts.map(\.port) == [W.port(1), W.port(3)])
            let second = node.topology.hosts[1]
            try netlink.createVethPair("p2", peer: "eth0", in: second.namespace)
            var inner = try NetlinkSocket(in: second.namespace)
            // Before the other end goes up: see `RouterTopology`.
            try inner.setOffload(.genericReceive, true, of: "eth0")
            try netlink.setUp(netlink.link(named: "p2").index)
            try inner.setUp(inner.link(named: "eth0").index)
            let tap = try Tap(second)
            try node.xdp.attach(W.port(2), interfaceIndex: if_nametoindex("p2"), policy: .native)
            let again = try node.send([LiveNode.udp(to: "10.0.2.2", number: 3)], from: 1)
            #expect(tap.frames(1, where: isTestTraffic) == again.map(\.output))
        }
    }

    @Test("a port that is down gets nothing from the fast path, and everything again when it is up")
    func downAndUp() throws {
        try LiveNode.run(forwards: false) { node in
            var port = PortEntry(port: W.port(2))
            for round in 0..<3 as Range<UInt16> {
                port.up = round != 1
                node.apply([.modify(.port(port))])
                let verdicts = try node.send([LiveNode.udp(to: "10.0.2.2", number: round)], from: 1)
                #expect(verdicts.map(\.disposition) == [round == 1 ? .kernel : .forward])
            }
            #expect(node.tap(2).frames(2, where: isTestTraffic).count == 2)
            #expect(node.count(1, .kernel, .egressPortDown) == 1)
        }
    }

    @Test(
        "interfaces whose indexes fall together are kept apart up to the limit; one more is refused and changes nothing"
    )
    func collisions() throws {
        try inPrivateNetworkNamespace {
            let plane = try XDPDataPlane(.forTests)
            for number in 0..<8 as Range<UInt32> {
                try plane.bind(W.port(UInt16(number)), interfaceIndex: 77 + number * 4096, sends: false)
            }
            let refused = error { try plane.bind(W.port(20), interfaceIndex: 77 + 9 * 4096, sends: false) }
            #expect(refused.contains("\(77 + 9 * 4096)") && refused.contains("4096"), "\(refused)")
            #expect(plane.attachedPorts.count == 8)
            plane.unbind(W.port(3))
            try plane.bind(W.port(20), interfaceIndex: 77 + 9 * 4096, sends: false)
            #expect(plane.attachedPorts.map(\.port.rawValue) == [0, 1, 2, 4, 5, 6, 7, 20])
        }
    }

    @Test("no pin stays behind when a port cannot be bound")
    func noPinBehind() throws {
        try LiveNode.run { node in
            node.xdp.detach(W.port(1))
            var configuration = XDPConfiguration.forTests
            configuration.pinDirectory = "/sys/fs/bpf/node"
            let plane = try XDPDataPlane(configuration)
            let index = if_nametoindex("p1")
            for number in 0..<8 as Range<UInt32> {
                try plane.bind(W.port(10 + UInt16(number)), interfaceIndex: index + (1 + number) * 4096, sends: false)
            }
            let refused = error { try plane.attach(W.port(1), interfaceIndex: index, policy: .native) }
            #expect(refused.contains("\(index)"), "\(refused)")
            #expect(BPFFileSystem.names(in: "/sys/fs/bpf/node").filter { $0.hasPrefix("link-") }.isEmpty)
            var found = true
            for _ in 0..<1000 where found {
                found = try !XDPState(interfaceIndex: index).programs.isEmpty
                if found { usleep(1000) }
            }
            #expect(!found)
        }
    }

    @Test("a pinned port outlives its data plane, and the next one takes it over")
    func adoption() throws {
        try LiveNode.run { node in
            node.xdp.detach(W.port(1))
            var configuration = XDPConfiguration.forTests
            configuration.pinDirectory = "/sys/fs/bpf/node"
            let index = if_nametoindex("p1")
            let first = try XDPDataPlane(configuration).attach(W.port(1), interfaceIndex: index, policy: .native)
            #expect(try !XDPState(interfaceIndex: index).programs.isEmpty)
            let next = try XDPDataPlane(configuration)
            #expect(try next.adopt(W.port(2), interfaceIndex: if_nametoindex("p2")) == nil)
            let adopted = try next.adopt(W.port(1), interfaceIndex: index)
            #expect(adopted?.linkID == first.linkID && adopted?.mode == .native)
            let program = try next.fastPathProgram()
            #expect(try XDPState(interfaceIndex: index).programs == [.native: program.id])
            next.detachAll()
            #expect(access("/sys/fs/bpf/node", F_OK) != 0)
        }
    }
}
