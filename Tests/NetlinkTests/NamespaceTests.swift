// SPDX-License-Identifier: Apache-2.0
import Glibc
import Netlink
import TestSupport
import Testing

@Suite("Network namespaces", .requiresKernel)
struct NamespaceTests {
    @Test("a named namespace is listed, can be opened, and is what ip netns shows")
    func named() throws {
        let name = uniqueName()
        let before = try Leftovers(prefix: name)
        let created = try NetworkNamespace.create(named: name)
        do {
            defer { try? NetworkNamespace.delete(named: name) }
            #expect(try NetworkNamespace.names().contains(name))
            #expect(try NetworkNamespace.open(named: name).identity == created.identity)
            #expect(try Command.check("ip", "netns", "list").contains(name))
            _ = try Command.check("ip", "-n", name, "link", "add", "d0", "type", "bridge")
            var netlink = try NetlinkSocket(in: created)
            #expect(try netlink.link(named: "d0").kind == "bridge")
            let taken = #expect(throws: NetlinkError.self) { _ = try NetworkNamespace.create(named: name).identity }
            #expect(taken?.errorNumber?.name == "EEXIST")
        }
        #expect(try Leftovers(prefix: name).added(since: before).isEmpty)
        let missing = #expect(throws: NetlinkError.self) { try NetworkNamespace.delete(named: name) }
        #expect(missing?.errorNumber?.name == "ENOENT")
    }

    @Test("a namespace made by ip netns is deleted by us")
    func foreign() throws {
        let name = uniqueName()
        try Command.check("ip", "netns", "add", name)
        #expect(try NetworkNamespace.names().contains(name))
        try NetworkNamespace.delete(named: name)
        #expect(try !NetworkNamespace.names().contains(name))
    }

    @Test("a leftover file without a namespace on it can be deleted")
    func halfMade() throws {
        let name = uniqueName()
        let path = "\(NetworkNamespace.directory)/\(name)"
        try NetworkNamespace.delete(named: try createdName())
        let file = open(path, O_RDONLY | O_CREAT, 0)
        try #require(file >= 0)
        close(file)
        try NetworkNamespace.delete(named: name)
        #expect(try !NetworkNamespace.names().contains(name))
    }

    @Test("a thread is inside while it runs there, and back afterwards, also after an error")
    func run() throws {
        struct Expected: Error {}
        let namespace = try NetworkNamespace.anonymous()
        let home = try NetworkNamespace.current().identity
        #expect(try namespace.identity != home)
        let inside = try namespace.run { try NetworkNamespace.current().identity }
        #expect(try inside == namespace.identity)
        #expect(try NetworkNamespace.current().identity == home)
        #expect(throws: Expected.self) { try namespace.run { throw Expected() } }
        #expect(try NetworkNamespace.current().identity == home)
    }

    @Test("a command started inside sees the links of the namespace")
    func command() throws {
        let namespace = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: namespace)
        try netlink.createBridge("d0")
        let output = try namespace.run { try Command.check("ip", "-o", "link") }
        #expect(output.contains("d0:"))
    }

    @Test("a name that is no plain file name is refused", arguments: ["", ".", "..", "a/b", "../x"])
    func badName(_ name: String) {
        let error = #expect(throws: NetlinkError.self) { try NetworkNamespace.delete(named: name) }
        guard case .invalid = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("hosts behind a node reach each other over its kernel", arguments: [AddressFamily.v4, .v6])
    func topology(_ family: AddressFamily) throws {
        let topology = try RouterTopology(hosts: 3)
        let target = topology.hosts[2].address(family).description
        let result = try topology.hosts[0].namespace.run {
            try Command.run(["ping", "-c", "1", "-W", "10", target])
        }
        #expect(result.isSuccess, "\(result)")
        #expect(result.output.contains("ttl=63"))
    }

    private func uniqueName() -> String { "piccolo-test-\(getpid())-\(UInt32.random(in: 0 ... .max))" }

    private func createdName() throws -> String {
        let name = uniqueName()
        _ = try NetworkNamespace.create(named: name).identity
        return name
    }
}
