// SPDX-License-Identifier: Apache-2.0
import CBPF
import CLinux
import Glibc

/// Catches what libbpf and libxdp print, so that it becomes part of an error and never reaches stderr.
enum LibbpfLog {
    /// Installed once, before the first call into the libraries.
    private static let installed: Bool = {
        _ = libbpf_set_print { level, format, arguments in
            guard level != LIBBPF_DEBUG, let format, let arguments else { return 0 }
            return bpf_shim_log_print(format, arguments)
        }
        _ = libxdp_set_print { level, format, arguments in
            guard level != LIBXDP_DEBUG, let format, let arguments else { return 0 }
            return bpf_shim_log_print(format, arguments)
        }
        return true
    }()

    /// Runs `body` and returns its result with what was printed meanwhile on this thread.
    static func capture<R>(_ body: () -> R) -> (result: R, errno: KernelErrno, text: String) {
        _ = installed
        let size = 64 * 1024
        let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
        defer { buffer.deallocate() }
        bpf_shim_log_begin(buffer, size)
        let result = body()
        let errno = KernelErrno.current
        _ = bpf_shim_log_end()
        return (result, errno, tidy(String(cString: buffer)))
    }

    /// Silences without keeping: for hot or harmless calls.
    static func prepare() { _ = installed }

    private static func tidy(_ text: String) -> String {
        text.split(separator: "\n").map { line in
            line.hasPrefix("libbpf: ") ? line.dropFirst("libbpf: ".count) : line
        }.joined(separator: "\n")
    }
}
