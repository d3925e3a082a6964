//! A Zenoh router with the plugin of `zenoh-bridge-ros2dds` in it, which carries a system on DDS to Zenoh and back: what
//! that program is, which is no package of its own. Usage: peer-ros2dds CONFIG

use zenoh::Config;
use zenoh::internal::plugins::PluginsManager;
use zenoh::internal::runtime::RuntimeBuilder;

fn main() {
    zenoh::init_log_from_env_or("info");
    let file = std::env::args().nth(1).expect("usage: peer-ros2dds CONFIG");
    let config = Config::from_file(&file).unwrap_or_else(|e| panic!("{file}: {e}"));
    let mut plugins = PluginsManager::static_plugins_only();
    plugins.declare_static_plugin::<zenoh_plugin_ros2dds::ROS2Plugin, &str>("ros2dds", true);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let _router = runtime.block_on(async {
        let mut router =
            RuntimeBuilder::new(config).plugins_manager(plugins).build().await.expect("a router");
        router.start().await.expect("it starts");
        router
    });
    loop {
        std::thread::park();
    }
}
