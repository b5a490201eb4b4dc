// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Frames a second over veth. One core makes, forwards and counts them; a path with threads of its own has a core to
/// itself and the generator moves to another one.
struct WireBench {
    var rounds: Int
    var isQuick: Bool
    var cpu: Int

    static let flows = 1024

    func run(into report: inout Report) throws {
        let topology = try WireTopology()
        var paths: [any WirePath] = [
            try PeerPath(flows: Self.flows), try NodePath(flows: Self.flows), KernelPath(), BridgePath(),
        ]
        if OpenVSwitchPath.isInstalled {
            paths.append(OpenVSwitchPath(cpu: cpu))
        } else {
            report.notMeasured.append("Open vSwitch: openvswitch-switch is not installed (tools/install-deps --bench)")
        }
        var rates = [Family: [[Double]]]()
        for family in Family.allCases { rates[family] = paths.map { _ in [] } }
        for _ in 0..<rounds {
            for (index, path) in paths.enumerated() {
                defer { path.tearDown(topology) }
                try path.setUp(topology)
                if path.needsOwnCPU { try moveGenerator(awayFrom: cpu) }
                defer { if path.needsOwnCPU { try? moveGenerator(to: cpu) } }
                for family in Family.allCases {
                    let workload = Workload(count: Self.flows, destination: path.destination)
                    _ = try topology.send(isQuick ? 50_000 : 200_000, family, workload)
                    let result = try topology.send(isQuick ? 200_000 : 1_000_000, family, workload)
                    guard result.delivered > 0 else {
                        throw BenchError.command(
                            "\(path.name), \(family.rawValue)", status: 0, output: "no frame came through")
                    }
                    rates[family]?[index].append(result.rate / 1e6)
                }
            }
        }
        for family in Family.allCases {
            guard let measured = rates[family] else { continue }
            addRows(family, paths, measured, &report)
        }
    }

    private func addRows(_ family: Family, _ paths: [any WirePath], _ rates: [[Double]], _ report: inout Report) {
        let section = "Over veth, \(Self.flows) flows, \(family.rawValue), one core"
        for (index, path) in paths.enumerated() {
            report.rows.append(
                Row(
                    section: section, subject: path.name, value: Spread(rates[index]), unit: "Mpps",
                    ratio: Spread(zip(rates[index], rates[0]).map { $0 / $1 }),
                    reference: index == 0 ? nil : "minimal"))
        }
        for (other, limit) in [(0, 0.95), (2, 2.0), (3, 2.5), (4, 4.0)] where other < paths.count {
            report.bars.append(
                Bar(
                    what: "\(family.rawValue) over veth / \(paths[other].name)", limit: limit, isUpper: false,
                    value: Spread(zip(rates[1], rates[other]).map { $0 / $1 }).median))
        }
    }

    private func moveGenerator(awayFrom cpu: Int) throws {
        let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        guard cores > 1 else { return }
        try moveGenerator(to: (cpu + 1) % cores)
    }

    private func moveGenerator(to cpu: Int) throws {
        try Command.run("taskset -cp \(cpu) \(getpid()) > /dev/null")
    }
}
