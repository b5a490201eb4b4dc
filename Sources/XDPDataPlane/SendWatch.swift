// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Tables

/// Counts frames that the fast path sent to a port and the kernel could not transmit, by port (`watch.bpf.c`).
final class SendWatch {
    private let failures: TypedMap<UInt32, fp_send_failures>
    private let link: TracepointLink

    init(transmit: borrowing BPFMap, flood: borrowing BPFMap) throws(BPFError) {
        let open = try OpenObject(name: "watch", base64: WatchObject.base64)
        try open.setGlobal("watch_transmit_map", to: transmit.id)
        try open.setGlobal("watch_flood_map", to: flood.id)
        let object = try open.load()
        let failures = try object.map("send_failures", key: UInt32.self, value: fp_send_failures.self)
        link = try TracepointLink(object.program("watch_redirect_err"))
        self.failures = failures
    }

    /// A sentence for each port with failures.
    func complaints(_ ports: [PortID]) -> [String] {
        ports.compactMap { port in
            guard let (frames, code) = lost(at: UInt32(port.rawValue)) else { return nil }
            return "port \(port.rawValue): \(frames) frames that were to leave by it were lost in the kernel "
                + "(\(code)); its driver must transmit XDP frames, and a veth does only while GRO is on, "
                + "or an XDP program, at its peer (ethtool -K PEER gro on, while it is up)"
        }
    }

    /// How many frames were lost on the way to a device map's entry, and the last error; nil if none was.
    func lost(at index: UInt32) -> (frames: UInt64, errno: KernelErrno)? {
        guard let perCPU = try? failures.lookupPerCPU(index) else { return nil }
        let frames = perCPU.reduce(0) { $0 + $1.frames }
        guard frames > 0 else { return nil }
        return (frames, KernelErrno(rawValue: Int32(truncatingIfNeeded: perCPU.map(\.error).max() ?? 0)))
    }
}
