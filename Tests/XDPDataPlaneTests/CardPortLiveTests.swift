// SPDX-License-Identifier: Apache-2.0
import BPF
import Glibc
import Netlink
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// Real frames over an emulated card, real stacks at both ends.
@Suite("A card's ports are ports of the node", .enabled(if: kernelTestsRun))
struct CardPortLiveTests {
    struct Way: Sendable, CustomTestStringConvertible {
        var version: CardTagVersion
        /// The CPU port's driver transmits XDP frames.
        var transmits: Bool
        var testDescription: String { "version \(version.rawValue), \(transmits ? "native" : "skb")" }
    }

    static let ways = [
        Way(version: .four, transmits: true), Way(version: .four, transmits: false),
        Way(version: .three, transmits: true), Way(version: .two, transmits: false),
    ]

    /// Counters of frames that did not go on.
    private func dropped(_ port: borrowing CardPort) throws -> [CardCount] {
        try port.counts().filter {
            guard case .counter(let counter) = $0.what else { return false }
            return ![.received, .sent, .padded].contains(counter)
        }
    }

    private func tcp(_ bench: CardBench, to address: InternetAddress, inNode: Bool, bytes: Int = 2 << 20) throws
        -> String?
    {
        try TCPTransfer.run(
            bytes: bytes, to: address, port: 5001, client: { try bench.topology.hosts[0].namespace.run($0) },
            server: { inNode ? try $0() : try bench.topology.hosts[1].namespace.run($0) })
    }

    @Test(
        "the fast path routes between them, and nothing is lost; the kernel answers what is for the node",
        arguments: ways)
    func routing(way: Way) throws {
        try CardBench.run(way.version, transmits: way.transmits) { bench in
            let port = try CardPort(bench.configuration)
            let mode = way.transmits ? XDPMode.native : .skb
            #expect(port.attachments.map(\.mode) == [mode, mode, mode])
            #expect(port.attachments.map(\.name) == ["cpu0", "rt0", "rt2"] && !port.isAdopted)
            try bench.address()
            let xdp = try bench.fastPath()
            try bench.attach(xdp)
            for (address, size) in [
                ("10.0.2.2", 56), ("fd00:2::2", 56), ("10.0.2.2", 1), ("10.0.2.2", 1472), ("10.0.1.1", 56),
                ("fd00:1::1", 56),
            ] {
                let (lost, report) = try bench.ping(address, size: size)
                #expect(lost == 0, "\(report)")
            }
            let forwarded = xdp.verdictCounters().filter { $0.disposition == .forward }
            #expect(forwarded.map(\.reason) == [.route, .route])
            // 600 echo requests one way, 600 replies the other; what the hosts say on their own is not counted on.
            #expect(forwarded.allSatisfy { $0.counter.packets >= 800 }, "\(forwarded)")
            #expect(try tcp(bench, to: bench.topology.hosts[1].address(.v4), inNode: false) == nil)
            // To and from the node's own stack: with checksums, sizes and tags as on a wire.
            #expect(try tcp(bench, to: bench.topology.hosts[0].portAddress(.v4), inNode: true) == nil)
            #expect(try dropped(port) == [])
            #expect(port.complaints() == [])
            xdp.detachAll()
            try port.release()
            bench.card.end()
            #expect(bench.card.mistakes.isEmpty, "\(bench.card.mistakes.prefix(3))")
        }
    }

    @Test(
        "without a fast path, and after one, the kernel forwards; the priority of a VLAN tag is the queue",
        arguments: [true, false])
    func kernelAlone(transmits: Bool) throws {
        try CardBench.run(transmits: transmits) { bench in
            let port = try CardPort(bench.configuration)
            try bench.address()
            for address in ["10.0.2.2", "fd00:2::2"] {
                let (lost, report) = try bench.ping(address)
                #expect(lost == 0, "\(report)")
            }
            #expect(try tcp(bench, to: bench.topology.hosts[1].address(.v4), inNode: false) == nil)
            // Frames that the fast path let pass before take the same way after it is gone.
            let xdp = try bench.fastPath()
            try bench.attach(xdp)
            xdp.detachAll()
            #expect(try bench.ping("10.0.2.2").lost == 0)
            #expect(try tcp(bench, to: bench.topology.hosts[1].address(.v4), inNode: false) == nil)
            // What is sent by a port with VLAN 100 and priority 5.
            let frame = SmallWorld.frame(
                .ipv4(SmallWorld.udp4(to: "10.0.9.9", ports: (1, 9))), to: LiveNode.host(1), from: LiveNode.station(1),
                tags: [.init(priority: 5, vid: 100)])
            let tap = try Tap(bench.topology.hosts[0])
            #expect(bench.card.frames(inQueue: 5) == 0)
            try Tap("rt0").send(frame)
            #expect(tap.frames(1, where: isTestTraffic) == [frame])
            #expect(bench.card.frames(inQueue: 5) == 1)
            #expect(try dropped(port) == [] && port.complaints() == [])
            try port.release()
        }
    }

    @Test("what the card should not send is counted by name, and goes nowhere")
    func badTags() throws {
        try CardBench.run { bench in
            let port = try CardPort(bench.configuration)
            try bench.address()
            let taps = try CardBench.ports.map { try Tap($0) }
            let frame = LiveNode.udp(to: "10.0.1.1", number: 7)
            let card = bench.card
            try card.inject(card.tag(frame, ingress: 0))
            for _ in 0..<2 { try card.inject(card.tag(frame, ingress: 0, reason: 6, bad: true)) }
            for _ in 0..<3 { try card.inject(card.tag(frame, ingress: 1, reason: 27)) }
            for _ in 0..<4 { try card.inject(Array(card.tag(frame, ingress: 0)[..<36])) }
            for _ in 0..<5 { try card.inject(frame) }
            try card.inject(card.tag(frame, ingress: 2))
            #expect(taps[1].frames(1, where: isTestTraffic) == [frame])
            #expect(taps[0].arrived(where: isTestTraffic) == [frame])
            let counts = try port.counts()
            func count(_ name: String?, _ what: CardCount.What) -> UInt64 {
                counts.first { $0.port == name && $0.what == what }?.counter.packets ?? 0
            }
            #expect(count("rt0", .counter(.bad)) == 2)
            #expect(count("rt0", .reason(CardReason(rawValue: 6))) == 2)
            #expect(count(nil, .counter(.unknownIngress)) == 3)
            #expect(count(nil, .reason(CardReason(rawValue: 27))) == 3)
            #expect(count(nil, .counter(.tagTruncated)) == 4)
            #expect(count(nil, .counter(.untaggedDropped)) == 5)
            try port.release()
        }
    }

    @Test(
        "programs outlive the process, and the next one takes over: no packet is lost and no count reset",
        arguments: [true, false])
    func restart(transmits: Bool) throws {
        try CardBench.run(transmits: transmits) { bench in
            var port: CardPort? = try CardPort(bench.configuration)
            try bench.address()
            var xdp: XDPDataPlane? = try bench.fastPath()
            if let xdp { try bench.attach(xdp) }
            #expect(try bench.ping("10.0.2.2", count: 50).lost == 0)
            let links = port?.attachments.map(\.linkID)
            let count = 2500
            var ping = try bench.topology.hosts[0].namespace.run {
                try RunningCommand(["ping", "-q", "-c", "\(count)", "-i", "0.002", "-W", "5", "10.0.2.2"])
            }
            func wait(frames: Int) throws {
                let goal = bench.card.crossed.up + frames
                let crossed = holdsEventually { bench.card.crossed.up >= goal }
                #expect(crossed)
            }
            try wait(frames: 400)
            let before = try (port?.counts() ?? []).first { $0.what == .counter(.received) }?.counter.packets ?? 0
            #expect(before > 200)
            // The process is gone; what it pinned stays.
            port = nil
            xdp = nil
            try wait(frames: 400)
            let again = try CardPort(bench.configuration)
            let node = try bench.fastPath()
            for (place, name) in CardBench.ports.enumerated() {
                let id = PortID(rawValue: UInt16(place + 1))
                try node.bind(id, interfaceIndex: if_nametoindex(name))
                #expect(try node.adopt(id, interfaceIndex: if_nametoindex(name))?.mode == .native)
            }
            #expect(again.isAdopted && again.attachments.allSatisfy(\.isAdopted))
            #expect(again.attachments.map(\.linkID) == links)
            let after = try again.counts().first { $0.what == .counter(.received) }?.counter.packets ?? 0
            #expect(after > before)
            try wait(frames: 400)
            // Another build of the programs, in the middle of it: on the same maps, at the same links.
            var changed = bench.configuration
            changed.hasDelayFlag = true
            let upgraded = try CardPort(changed)
            #expect(upgraded.isAdopted && upgraded.attachments.map(\.linkID) == links)
            #expect(BPFFileSystem.names(in: CardBench.directory).filter { $0.hasPrefix("set-") } == ["set-2"])
            try wait(frames: 400)
            let status = ping.wait(timeout: 60)
            #expect(status == 0 && CardBench.received(ping.output) == count, "\(ping.output)")
            #expect(try dropped(upgraded) == [])
            node.detachAll()
            try upgraded.release()
        }
    }

    @Test("released, nothing of it is left, and the CPU port is as it was", arguments: [true, false])
    func release(transmits: Bool) throws {
        try CardBench.run(transmits: transmits) { bench in
            var netlink = try NetlinkSocket()
            let links = try netlink.links().map(\.name)
            // Other tests load programs at the same time: only what bears these names counts.
            func ours() -> [String] {
                let now = BPFInventory.snapshot()
                return now.links.filter { link in
                    now.programs.contains { $0.id == link.programID && $0.name.hasPrefix("xdp_card") }
                        && link.interfaceIndex != 0
                }.map { "link \($0.id)" }
            }
            let port = try CardPort(bench.configuration)
            #expect(try netlink.link(named: "cpu0").isPromiscuous)
            #expect(try netlink.offload(.receiveChecksum, of: "cpu0") == transmits)
            for name in CardBench.ports {
                for offload in [
                    NetlinkSocket.Offload.transmitChecksum, .tcpSegmentation, .genericSegmentation, .transmitVLAN,
                ] {
                    #expect(try !netlink.offload(offload, of: name), "\(offload) of \(name)")
                }
                #expect(try netlink.link(named: name).mtu == 1500)
                // Where the kernel has an address it talks.
                #expect(try netlink.addresses(of: netlink.link(named: "\(name)-cpu").index).isEmpty)
                #expect(try !netlink.addresses(of: netlink.link(named: name).index).isEmpty)
            }
            #expect(BPFFileSystem.names(in: CardBench.directory).count == 4)
            let indexes = port.attachments.map(\.programInterfaceIndex)
            // A second process, after the first had no chance to say good-bye.
            let second = try CardPort(bench.configuration)
            #expect(second.isAdopted && second.attachments.map(\.programInterfaceIndex) == indexes)
            try second.release()
            #expect(try netlink.links().map(\.name) == links)
            #expect(try !netlink.link(named: "cpu0").isPromiscuous)
            #expect(try netlink.offload(.receiveChecksum, of: "cpu0"))
            #expect(access(CardBench.directory, F_OK) != 0)
            // The first's own hold on the CPU port's link.
            try? port.release()
            let gone = try holdsEventually { try XDPState(interfaceIndex: if_nametoindex("cpu0")).programs.isEmpty }
            #expect(gone, "\(ours())")
        }
    }

    @Test("a link that is down at the card is no carrier at the port, and back again")
    func linkState() throws {
        try CardBench.run { bench in
            let port = try CardPort(bench.configuration)
            try bench.address()
            #expect(try bench.ping("10.0.1.1", count: 5).lost == 0)
            try port.setLink(false, of: "rt0")
            try bench.waitUntilUp(.lowerLayerDown, ["rt0"])
            try port.setLink(true, of: "rt0")
            try bench.waitUntilUp()
            #expect(try bench.ping("10.0.1.1", count: 50).lost == 0)
            #expect(try bench.ping("10.0.2.2", count: 50).lost == 0)
            var complaint = ""
            do throws(CardPortError) { try port.setLink(true, of: "rt7") } catch { complaint = error.description }
            #expect(complaint.contains("rt7"))
            try port.release()
        }
    }

    @Test("ports come and go with the configuration, and what is in the way is named")
    func changes() throws {
        try CardBench.run { bench in
            var netlink = try NetlinkSocket()
            let first = try CardPort(bench.configuration)
            let kept = first.attachments.first { $0.name == "rt0" }
            var other = bench.configuration
            other.ports.removeLast()
            other.ports.append(CardLogicalPort(name: "wan", egress: 2, ingress: [1]))
            let second = try CardPort(other)
            #expect(second.attachments.map(\.name) == ["cpu0", "rt0", "wan"])
            #expect(second.attachments.map(\.isAdopted) == [true, true, false])
            #expect(second.attachments[1].linkID == kept?.linkID)
            #expect(throws: NetlinkError.notFound(object: "link rt2")) { try netlink.link(named: "rt2") }
            // A start that cannot be takes back what it made, and leaves the rest.
            try netlink.createVethPair("lan", peer: "elsewhere")
            let names = try netlink.links().map(\.name)
            var wrong = other
            wrong.ports = [
                other.ports[0], .init(name: "new", egress: 5, ingress: [5]),
                .init(name: "lan", egress: 6, ingress: [6]),
            ]
            func complaint(_ configuration: CardPortConfiguration) -> String {
                do throws(CardPortError) {
                    _ = try CardPort(configuration)
                    return "nothing wrong"
                } catch { return error.description }
            }
            #expect(
                complaint(wrong)
                    == "interface lan is there already and is a veth whose other end is not lan-cpu, not an end of the port's veth pair: "
                    + "remove it, or give the port another name")
            #expect(try netlink.links().map(\.name) == names)
            wrong = other
            wrong.ports[0].mtu = 1501
            #expect(complaint(wrong).contains("at most 1500 is right, or raise that of cpu0 to 1525"))
            wrong.interface = "cpu9"
            #expect(complaint(wrong) == "there is no interface cpu9 whose cable could lead to the card")
            #expect(try XDPState(interfaceIndex: if_nametoindex("cpu0")).programs.count == 1)
            try second.release()
            #expect(try !netlink.links().map(\.name).contains { ["rt0", "rt2", "wan", "wan-cpu"].contains($0) })
        }
    }
}
