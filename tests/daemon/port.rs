//! A port of loopback that stays ours while nobody listens on it.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket, sockopt};

/// Without it another test's connection may have the port by the time its server comes back. Who connects is refused.
pub struct Port {
    pub address: SocketAddr,
    _holds: OwnedFd,
}

impl Port {
    pub fn new() -> Self {
        let holds = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        // The server beside it has the same option: only then both may have the port.
        sockopt::set_socket_reuseaddr(&holds, true).expect("an option");
        bind(&holds, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = getsockname(&holds)
            .expect("its name")
            .try_into()
            .expect("an address");
        Self {
            address,
            _holds: holds,
        }
    }
}
