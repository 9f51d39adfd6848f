// Handlers of the socket family.
#pragma once

#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel::sockets {

SysResult do_accept(Call &call);
SysResult do_accept4(Call &call);
SysResult do_bind(Call &call);
SysResult do_connect(Call &call);
SysResult do_getpeername(Call &call);
SysResult do_getsockname(Call &call);
SysResult do_getsockopt(Call &call);
SysResult do_listen(Call &call);
SysResult do_recvfrom(Call &call);
SysResult do_recvmmsg(Call &call);
SysResult do_recvmsg(Call &call);
SysResult do_sendmmsg(Call &call);
SysResult do_sendmsg(Call &call);
SysResult do_sendto(Call &call);
SysResult do_setsockopt(Call &call);
SysResult do_shutdown(Call &call);
SysResult do_socket(Call &call);
SysResult do_socketpair(Call &call);

} // namespace pagoda::kernel::sockets
