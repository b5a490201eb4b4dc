// SPDX-License-Identifier: Apache-2.0
import Glibc

/// IPv6 of one interface, as `net.ipv6.conf.NAME.disable_ipv6` has it.
public enum IPv6Setting {
    /// Switches IPv6 off or on for an interface of the calling thread's network namespace: without it the kernel sends nothing of
    /// its own by the interface (router solicitations, listener reports). No error where the kernel has no IPv6.
    public static func set(_ isEnabled: Bool, of interface: String) throws(NetlinkError) {
        let path = "/proc/sys/net/ipv6/conf/\(interface)/disable_ipv6"
        guard !interface.isEmpty, !interface.contains("/") else {
            throw .invalid(object: "link name \"\(interface)\"", reason: "it must be a plain name")
        }
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else {
            let code = errno
            if code == ENOENT, access("/proc/sys/net/ipv6/conf", F_OK) != 0 { return }
            throw .systemCall(call: "open", object: path, error: ErrorNumber(code))
        }
        defer { close(file) }
        guard write(file, isEnabled ? "0" : "1", 1) == 1 else {
            throw .systemCall(call: "write", object: path, error: ErrorNumber(errno))
        }
    }
}
