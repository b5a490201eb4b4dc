// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Open vSwitch's userspace datapath with AF_XDP ports: a database and a switch of its own, in a folder of its own, that die
/// with this process.
final class OpenVSwitchPath: WirePath {
    let name = "Open vSwitch, AF_XDP"
    let needsOwnCPU = true
    private let cpu: Int
    private var folder = ""
    private var processes: [pid_t] = []

    init(cpu: Int) { self.cpu = cpu }

    static var isInstalled: Bool { access("/usr/sbin/ovs-vswitchd", X_OK) == 0 }

    func setUp(_ topology: WireTopology) throws {
        folder = "/mnt/ovs"
        try Command.run("mkdir -p \(folder)")
        try Command.run(
            "ovsdb-tool create \(folder)/conf.db /usr/share/openvswitch/vswitch.ovsschema && chmod 700 \(folder)")
        try start([
            "ovsdb-server", "\(folder)/conf.db", "--remote=punix:\(folder)/db.sock", "--pidfile=\(folder)/ovsdb.pid",
            "--unixctl=\(folder)/ovsdb.ctl", "--log-file=\(folder)/ovsdb.log",
        ])
        try wait(for: "\(folder)/db.sock")
        try vsctl("--no-wait init")
        try vsctl("--no-wait set Open_vSwitch . other_config:pmd-cpu-mask=\(String(1 << cpu, radix: 16))")
        try start([
            "ovs-vswitchd", "unix:\(folder)/db.sock", "--pidfile=\(folder)/vswitchd.pid",
            "--unixctl=\(folder)/vswitchd.ctl", "--log-file=\(folder)/vswitchd.log",
        ])
        try wait(for: "\(folder)/vswitchd.ctl")
        try vsctl("--timeout=20 add-br br0 -- set bridge br0 datapath_type=netdev")
        for port in ["r0", "r1"] {
            try vsctl(
                "--timeout=20 add-port br0 \(port) -- set interface \(port) type=afxdp options:xdp-mode=native"
                    + " options:n_rxq=1")
        }
        let actions = "dec_ttl,mod_dl_src:\(WireTopology.stationMAC),mod_dl_dst:\(WireTopology.sinkMAC),output:r1"
        try Command.run(
            """
            export OVS_RUNDIR=\(folder)
            for family in ip ipv6; do ovs-ofctl --timeout=10 add-flow \(folder)/br0.mgmt "in_port=r0,$family,actions=\(actions)"
            done
            """)
    }

    func tearDown(_ topology: WireTopology) {
        if !folder.isEmpty {
            _ = try? vsctl("--timeout=5 del-br br0")
        }
        for process in processes.reversed() {
            kill(process, SIGTERM)
            var status: Int32 = 0
            for _ in 0..<50 where waitpid(process, &status, WNOHANG) == 0 { usleep(20_000) }
            kill(process, SIGKILL)
            waitpid(process, &status, 0)
        }
        processes = []
        if !folder.isEmpty { _ = try? Command.run("rm -rf \(folder)") }
    }

    deinit { for process in processes { kill(process, SIGKILL) } }

    private func vsctl(_ arguments: String) throws {
        try Command.run("ovs-vsctl --db=unix:\(folder)/db.sock \(arguments)")
    }

    /// A child in the node's namespace that the kernel ends when this process ends.
    private func start(_ arguments: [String]) throws {
        let all =
            [
                "setpriv", "--pdeathsig", "KILL", "taskset", "-c", "\(cpu)", "nsenter",
                "--net=/run/netns/\(WireTopology.nodeName)",
            ]
            + arguments
        var pointers: [UnsafeMutablePointer<CChar>?] = all.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        setenv("OVS_RUNDIR", folder, 1)
        // What it has to say is in its log.
        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0)
        var process: pid_t = 0
        let status = posix_spawnp(&process, "setpriv", &files, nil, pointers, environ)
        guard status == 0 else {
            throw BenchError.command(
                all.joined(separator: " "), status: status, output: String(cString: strerror(status)))
        }
        processes.append(process)
    }

    private func wait(for path: String) throws {
        for _ in 0..<250 {
            if access(path, F_OK) == 0 { return }
            usleep(20_000)
        }
        let log = (try? Command.run("tail -n 5 \(folder)/*.log")) ?? ""
        throw BenchError.command("start of Open vSwitch", status: 1, output: "\(path) did not appear in 5 s\n\(log)")
    }
}
