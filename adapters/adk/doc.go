package closeadk
