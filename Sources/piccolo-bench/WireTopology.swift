// SPDX-License-Identifier: Apache-2.0
import BPF
import Glibc
import Netlink

/// Three namespaces on two veth pairs: g0 here, where frames are made · r0 and r1 in the node · s0 where they are counted.
///
///     g0 ── r0 [ node ] r1 ── s0
final class WireTopology {
    let node: NetworkNamespace
    let sink: NetworkNamespace
    let r0: UInt32
    let r1: UInt32
    private let linkG: XDPLink
    private let linkS: XDPLink
    private let received: TypedMap<UInt32, UInt64>
    private let settings: MappedArray
    private var run: TestRun
    private let g0: UInt32
    private var sequence: UInt64 = 0

    static let nodeName = "node"
    static let stationMAC = "02:00:00:00:00:01"
    static let sinkMAC = "02:00:00:00:00:04"
    /// What a bridge forwards by: an address that is nobody's on the way.
    static let farMAC: [UInt8] = [2, 0, 0, 0, 0, 4]

    init() throws {
        try Command.run(
            """
            ip netns add \(Self.nodeName) && ip netns add sink
            ip link add g0 address 02:00:00:00:00:02 type veth peer name r0 address \(Self.stationMAC) netns node
            ip link add r1 address 02:00:00:00:00:03 netns node type veth peer name s0 address \(Self.sinkMAC) netns sink
            ip link set g0 up; ip -n sink link set s0 up
            for i in r0 r1; do ip -n node link set $i up; done
            ethtool -K g0 tx off gro on > /dev/null
            ip netns exec node ethtool -K r0 tx off gro on > /dev/null
            ip netns exec node ethtool -K r1 tx off gro on > /dev/null
            """)
        node = try NetworkNamespace.open(named: Self.nodeName)
        sink = try NetworkNamespace.open(named: "sink")
        g0 = if_nametoindex("g0")
        (r0, r1) = try node.run { (if_nametoindex("r0"), if_nametoindex("r1")) }
        let object = try OpenObject(name: "traffic", base64: TrafficObject.base64).load()
        received = try object.map("received", key: UInt32.self, value: UInt64.self)
        settings = try MappedArray(object.map("bench"))
        try object.map("out").setDevice(g0, at: 0)
        run = try TestRun(object.program("generate"), outputCapacity: 2048)
        linkG = try XDPLink(object.program("pass"), interfaceIndex: g0, policy: .native)
        let counting = try object.program("sink")
        linkS = try sink.run { try XDPLink(counting, interfaceIndex: if_nametoindex("s0"), policy: .native) }
    }

    /// Attaches a program in the node's namespace; it goes with the link.
    func attach(_ program: borrowing Program, to interface: UInt32) throws -> LinkBox {
        return LinkBox(try attachInside(program, interface))
    }

    private func attachInside(_ program: borrowing Program, _ interface: UInt32) throws -> XDPLink {
        let copy = try Program(id: program.id)
        return try node.run { try XDPLink(copy, interfaceIndex: interface, policy: .native) }
    }

    struct Result {
        var sent: Int
        var delivered: Int
        var seconds: Double
        var rate: Double { Double(delivered) / seconds }
    }

    /// Frames that have arrived so far.
    func delivered() throws -> UInt64 { try (received.lookupPerCPU(0) ?? []).reduce(0, +) }

    /// Sends frames as fast as one core makes them; what arrives while it does counts.
    func send(_ frames: Int, _ family: Family, _ workload: Workload) throws -> Result {
        workload.store(into: settings, sequence: sequence)
        sequence &+= UInt64(frames)
        let before = try delivered()
        let begin = ContinuousClock.now
        try family.packet.withUnsafeBytes { bytes in
            try run.runLive(bytes, count: Int32(frames), interfaceIndex: g0)
        }
        let seconds = (ContinuousClock.now - begin).seconds
        return Result(sent: frames, delivered: Int(try delivered() - before), seconds: seconds)
    }
}

/// A link where a class is asked for.
final class LinkBox {
    let link: XDPLink
    init(_ link: consuming XDPLink) { self.link = link }
}
