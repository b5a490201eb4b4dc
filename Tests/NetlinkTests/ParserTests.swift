// SPDX-License-Identifier: Apache-2.0
import CLinux
import Netlink
import TestSupport
import Testing

@Suite("Messages")
struct ParserTests {
    @Test("a built message is padded, and counts its own length and its nests")
    func builder() {
        var message = MessageBuilder(type: 16, flags: 4)
        message.appendLinkHeader(index: 7)
        message.attribute(3, "abc")
        message.nested(18) { $0.attribute(1, UInt8(9)) }
        let bytes = message.finish(sequence: 5)
        #expect(Array(bytes[0..<4]) == [52, 0, 0, 0])
        #expect(Array(bytes[4..<12]) == [16, 0, 5, 0, 5, 0, 0, 0])
        #expect(Array(bytes[32..<40]) == [8, 0, 3, 0, 0x61, 0x62, 0x63, 0])
        #expect(Array(bytes[40..<52]) == [12, 0, 18, 0x80, 5, 0, 1, 0, 9, 0, 0, 0])
        #expect(bytes.count == 52)
    }

    @Test("a length too large or too small is an error that names the attribute", arguments: [0, 3, 200, 0xffff])
    func badAttributeLength(_ length: Int) {
        var bytes = linkMessage()
        bytes[32] = UInt8(truncatingIfNeeded: length)
        bytes[33] = UInt8(truncatingIfNeeded: length >> 8)
        let error = #expect(throws: NetlinkError.self) { try NetlinkMonitor.events(in: bytes.span.bytes) }
        guard case .damaged(message: "link", let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("attribute 3 at 16 has length \(length)"))
    }

    @Test("a datagram cut anywhere gives events or an error, and never ends the process")
    func truncated() {
        let bytes = linkMessage() + routeMessage() + addressMessage()
        for count in 0...bytes.count {
            let part = Array(bytes[..<count])
            _ = try? NetlinkMonitor.events(in: part.span.bytes)
        }
    }

    @Test("a datagram with any bytes changed gives events or an error, and never ends the process")
    func mutated() {
        let original = linkMessage() + routeMessage() + addressMessage()
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<100_000 {
            var bytes = original
            for _ in 0...Int.random(in: 0..<4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0 ... .max, using: &generator)
            }
            _ = try? NetlinkMonitor.events(in: bytes.span.bytes)
        }
    }

    @Test("the unchanged messages are understood")
    func understood() throws {
        let bytes = linkMessage() + routeMessage() + addressMessage()
        let events = try NetlinkMonitor.events(in: bytes.span.bytes)
        try #require(events.count == 3)
        guard case .linkChanged(let link) = events[0], case .routeAdded(let route) = events[1],
            case .addressAdded(let address) = events[2]
        else {
            Issue.record("\(events)")
            return
        }
        #expect(link.name == "p1")
        #expect(link.kind == "veth")
        #expect(link.peer == NetworkLink.Peer(index: 8, namespaceID: 2))
        #expect(link.xdp == [XDPAttachment(mode: .native, programID: 99)])
        #expect(route.destination == InternetPrefix("192.0.2.0/24"))
        #expect(route.nextHops.map(\.weight) == [1, 3])
        #expect(address.prefix == InternetPrefix("10.0.1.1/24"))
    }

    @Test("an acknowledgement carries errno and the kernel's sentence", arguments: [true, false])
    func acknowledgement(_ isCapped: Bool) throws {
        var message = MessageBuilder(type: 2, flags: 0)
        message.append(Int32(-22))
        message.append(UInt32(20))
        for _ in 0..<3 { message.append(UInt32(0)) }
        if !isCapped { message.append(UInt32(0xdead_beef)) }
        message.attribute(1, "too bad")
        let bytes = Array(message.finish(sequence: 1)[16...])
        let flags: Int32 = 0x200 | (isCapped ? 0x100 : 0)
        let acknowledgement = try Acknowledgement(error: bytes.span.bytes, flags: flags)
        #expect(acknowledgement.error == 22)
        #expect(acknowledgement.explanation == "too bad")
    }

    @Test("addresses are read and written in their usual text", arguments: ["10.0.1.1/24", "fd00:1::/64", "::/0"])
    func prefixText(_ text: String) {
        #expect(InternetPrefix(text)?.description == text)
    }

    @Test(
        "text that is no address is refused",
        arguments: ["10.0.1.1/33", "10.0.1", "fd00::/129", "1/2/3", "", "/8", "10.0.0.1/", "10.0.0.1/-1"])
    func badPrefix(_ text: String) {
        #expect(InternetPrefix(text) == nil)
    }

    @Test("a MAC address is six two-digit octets", arguments: ["02:00:5e:10:00:01"])
    func macAddress(_ text: String) {
        #expect(LinkLayerAddress(text)?.description == text)
        #expect(LinkLayerAddress(text)?.octets == [2, 0, 0x5e, 0x10, 0, 1])
    }

    @Test(
        "text that is no MAC address is refused",
        arguments: [
            "02:00:5e:10:00", "2:0:5e:10:0:1", "02:00:5e:10:00:0g", "02:00:5e:10:00:01:02", "+2:00:5e:10:00:01",
        ])
    func badMACAddress(_ text: String) {
        #expect(LinkLayerAddress(text) == nil)
    }

    private func linkMessage() -> [UInt8] {
        var message = MessageBuilder(type: RTM_NEWLINK, flags: 0)
        message.appendLinkHeader(index: 7, flags: 1)
        message.attribute(IFLA_IFNAME, "p1")
        message.attribute(IFLA_MTU, UInt32(1500))
        message.attribute(IFLA_LINK, Int32(8))
        message.attribute(IFLA_LINK_NETNSID, Int32(2))
        message.nested(IFLA_LINKINFO) { $0.attribute(IFLA_INFO_KIND, "veth") }
        message.nested(IFLA_PROP_LIST) { $0.attribute(IFLA_ALT_IFNAME, "uplink") }
        message.nested(IFLA_XDP) {
            $0.attribute(IFLA_XDP_ATTACHED, UInt8(1))
            $0.attribute(IFLA_XDP_PROG_ID, UInt32(99))
            $0.attribute(IFLA_XDP_DRV_PROG_ID, UInt32(99))
        }
        return message.finish(sequence: 0)
    }

    private func routeMessage() -> [UInt8] {
        var message = MessageBuilder(type: RTM_NEWROUTE, flags: 0)
        let hops: [Route.NextHop] = [
            .init(gateway: .v4(0x0a00_0102), linkIndex: 7), .init(gateway: .v4(0x0a00_0103), linkIndex: 7, weight: 3),
        ]
        let destination = InternetPrefix("192.0.2.0/24") ?? .everything(.v4)
        Route(to: destination, via: hops).append(to: &message)
        return message.finish(sequence: 0)
    }

    private func addressMessage() -> [UInt8] {
        var message = MessageBuilder(type: RTM_NEWADDR, flags: 0)
        for byte in [UInt8(2), 24, 0, 0] { message.append(byte) }
        message.append(Int32(7))
        message.attribute(IFA_LOCAL, [10, 0, 1, 1])
        return message.finish(sequence: 0)
    }
}
